"""sparsify: `SparseCoder` in the loop of its `Trainer.fit` (which wants a language model), TopK always.

Stock: the release's defaults: schedule-free sign momentum, no auxiliary loss.

Mended: the auxiliary loss with weight 1/32, and a dead window of 5 % of the run (10 million rows otherwise).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from schedulefree import ScheduleFreeWrapper
from sparsify import SparseCoder, SparseCoderConfig
from sparsify.sign_sgd import SignSGD

from benchmarks.peers.protocol import Encode, Job, Rows, run


class Sparsify:
    """The library's coder, optimiser and order of calls."""

    def __init__(self, job: Job, rows: Rows) -> None:
        """Make coder and optimiser."""
        self.coder = SparseCoder(rows.width, SparseCoderConfig(num_latents=job.features, k=job.k), dtype=torch.float32)
        rate = 5e-3 / (job.features / 2**14) ** 0.5 * job.rate
        self.optimiser = ScheduleFreeWrapper(SignSGD(self.coder.parameters(), lr=rate), momentum=0.95)
        self.optimiser.train()
        self.auxiliary = 0.0 if job.setting == "stock" else 1 / 32
        self.dead_after = 10_000_000 if job.setting == "stock" else job.steps * job.batch // 20
        self.since_fired = torch.zeros(job.features, dtype=torch.long)

    def step(self, number: int, rows: torch.Tensor) -> None:
        """One step of `fit`."""
        if number == 0:
            self.coder.b_dec.data = rows.mean(0)
        self.coder.set_decoder_norm_to_unit_norm()
        dead = self.since_fired > self.dead_after if self.auxiliary else None
        variance = (rows - rows.mean(0)).pow(2).sum()
        out = self.coder(rows, dead_mask=dead, total_variance=variance)
        fired = torch.zeros_like(self.since_fired, dtype=torch.bool)
        fired[out.latent_indices.flatten()] = True
        (out.fvu + self.auxiliary * out.auxk_loss).backward()
        self.coder.remove_gradient_parallel_to_decoder_directions()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.since_fired += len(rows)
        self.since_fired[fired] = 0

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """The averaged weights."""

        def encode(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            values, numbers, every = self.coder.encode(rows)
            active = torch.zeros_like(every, dtype=torch.bool).scatter_(1, numbers, values > 0)
            return self.coder.decode(values, numbers), active

        self.optimiser.eval()
        yield encode
        self.optimiser.train()


if __name__ == "__main__":
    run(Sparsify, "eai-sparsify")
