"""This project's trainer in the same protocol; the only module here that imports `samedream`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers.protocol import Encode, Job, Rows, run
from samedream.activations.store import ActivationStore
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.calibration import calibrate_threshold
from samedream.sae.config import SAEConfig
from samedream.sae.feed import BUFFER_ROWS, Feed
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
        self.k, self.data = job.k, job.data
        self.scaling = Scaling(rows.mean, rows.scale)
        self.trainer = Trainer(rows.width, plan, variant(config, plan.width), seed=config.seed)

    def step(self, number: int, rows: torch.Tensor) -> None:
        """Centre, scale, learn."""
        self.trainer.step(self.scaling.apply(rows))

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """The dictionary on raw rows, its threshold calibrated on rows that are neither trained nor measured on."""
        sae = SparseAutoencoder.folded(self.trainer.weights, self.scaling, threshold=0.0, k=self.k, metadata={})
        calibration = Rows(self.data, "calibration", centred=False)
        rows, chunk = len(calibration), 1024
        pre = (sae.pre_activations(calibration.raw(slice(i, i + chunk))) for i in range(0, rows, chunk))
        assert sae.threshold is not None
        sae.threshold.fill_(calibrate_threshold(pre, rows, self.k))

        def encode(raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = sae.encode(raw)
            return sae.decode(features), features > 0

        yield encode

    @staticmethod
    def warm_up(directory: str) -> None:
        """Load what is code and no data: two steps of a tiny dictionary, from 256 rows of the harvest on disk."""
        store = ActivationStore.open(Path(directory) / "activations")
        plan = make_plan(SAEConfig(width=64, k=4, batch_rows=64, steps=2), 256, store.d_model)
        trainer = Trainer(store.d_model, plan, variant(SAEConfig(k=4), 64), seed=0)
        scaling = Scaling(torch.zeros(store.d_model), 1.0)
        for batch in Feed(store.stored(), np.arange(256), scaling=scaling, seed=0).batches(plan):
            trainer.step(batch)

    def own_steps(self) -> None:
        """Train from the harvest on disk, as a study does, until the buffer has been filled twice."""
        store = ActivationStore.open(Path(self.data) / "activations").stored()
        plan = replace(self.trainer.plan, steps=BUFFER_ROWS // self.trainer.plan.batch_rows + 3)
        feed = Feed(store, np.arange(len(store)), scaling=self.scaling, seed=0)
        for batch in feed.batches(plan):
            self.trainer.step(batch)

    def parts(self) -> dict[str, int]:
        """Bytes that training has to hold: the denominator of the memory mark."""
        weights = sum(tensor.numel() * tensor.element_size() for tensor in self.trainer.weights.tensors())
        buffer = 2 * BUFFER_ROWS * self.scaling.centre.numel()  # bfloat16 rows
        return {"weights": weights, "optimiser": 2 * weights, "buffer": buffer}


if __name__ == "__main__":
    run(Ours, "samedream")
