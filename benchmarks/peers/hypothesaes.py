"""HypotheSAEs: `SparseAutoencoder` in the loop of its `fit` (which has no hook for measuring on the way), TopK always.

Stock: the defaults of class and `fit`. Mended: a dead window of 5 % of the run in place of 256 steps; nothing else of
it is sized for longer runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from hypothesaes.sae import SparseAutoencoder

from benchmarks.peers.protocol import Encode, Job, Rows, run


class HypotheSAEs:
    """The library's autoencoder and order of calls."""

    def __init__(self, job: Job, rows: Rows) -> None:
        """Make autoencoder and optimiser."""
        window = {} if job.setting == "stock" else {"dead_neuron_threshold_steps": max(1, job.steps // 20)}
        self.model = SparseAutoencoder(rows.width, job.features, job.k, device="cpu", **window)
        self.model.initialize_weights_(rows.take(slice(None)))
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=5e-4 * job.rate)
        self.model.train()

    def step(self, number: int, rows: torch.Tensor) -> None:
        """One batch of `fit`."""
        rebuilt, info = self.model(rows)
        loss = self.model.compute_loss(rows, rebuilt, info, 1 / 32, 0.0)
        self.optimiser.zero_grad()
        loss.backward()
        self.model.adjust_decoder_gradient_()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.model.normalize_decoder_()
        loss.item()  # `fit` keeps every batch's loss

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """`eval`, without what its forward pass counts even then: steps since each feature fired."""

        def encode(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            rebuilt, info = self.model(rows)
            return rebuilt, info["activations"] > 0

        counted = self.model.steps_since_activation.clone()
        self.model.eval()
        yield encode
        self.model.train()
        self.model.steps_since_activation.copy_(counted)


if __name__ == "__main__":
    run(HypotheSAEs, "hypothesaes")
