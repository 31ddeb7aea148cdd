"""This project's trainer in the same protocol; the only module here that imports `samedream`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmarks.peers.protocol import Encode, Job, Rows, run
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.calibration import calibrate_threshold
from samedream.sae.config import SAEConfig
from samedream.sae.plan import make_plan
from samedream.sae.scaling import Scaling
from samedream.sae.trainer import Trainer
from samedream.sae.variants import variant


class Ours:
    """The default variant with default settings; only features, k, batch and steps are set."""

    def __init__(self, job: Job, rows: Rows) -> None:
        """Make the trainer."""
        config = SAEConfig(width=job.features, k=job.k, batch_rows=job.batch, steps=job.steps, seed=job.seed)
        plan = make_plan(config, len(rows), rows.width)
        self.k = job.k
        self.scaling = Scaling(rows.mean, rows.scale)
        self.trainer = Trainer(rows.width, plan, variant(config, plan.width), seed=config.seed)
        self.calibration = Rows(job.data, "calibration", centred=False)

    def step(self, number: int, rows: torch.Tensor) -> None:
        """Centre, scale, learn."""
        self.trainer.step(self.scaling.apply(rows))

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """The dictionary on raw rows, its threshold calibrated on rows that are neither trained nor measured on."""
        sae = SparseAutoencoder.folded(self.trainer.weights, self.scaling, threshold=0.0, k=self.k, metadata={})
        rows, chunk = len(self.calibration), 1024
        pre = (sae.pre_activations(self.calibration.raw(slice(i, i + chunk))) for i in range(0, rows, chunk))
        assert sae.threshold is not None
        sae.threshold.fill_(calibrate_threshold(pre, rows, self.k))

        def encode(raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = sae.encode(raw)
            return sae.decode(features), features > 0

        yield encode

    def parts(self) -> dict[str, int]:
        """Bytes that training has to hold: the denominator of the memory mark."""
        weights = sum(tensor.numel() * tensor.element_size() for tensor in self.trainer.weights.tensors())
        plan, d = self.trainer.plan, self.scaling.centre.numel()
        buffer = 4 * plan.batch_rows * (plan.width + d)  # one batch of rows and of pre-activations
        return {"weights": weights, "optimiser": 2 * weights, "buffer": buffer}


if __name__ == "__main__":
    run(Ours, "samedream")
