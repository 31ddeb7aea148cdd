"""dictionary_learning: `BatchTopKTrainer.update`, its inference path the thresholded `encode`.

Stock: all defaults, but for `warmup_steps`: its 1,000 is refused in a run of 1,000 steps (`get_lr_schedule` asserts
that the warm-up is shorter than the run), so it is one step shorter. `threshold_start_step` is 1,000 too: in a shorter
run the threshold stays at -1 and `encode` keeps every positive activation.

Mended: rows of unit mean squared norm (as its `normalize_activations` makes them), warm-up 5 %, decay over the last
fifth, the threshold from 5 % of the run on and averaged over a tenth of it, a dead window of 5 % of the run (10 million
rows otherwise, so that the auxiliary loss never begins).
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# The release wants nnsight < 0.4 for its harvest, which is not used here; that one wants an old torch.
sys.modules["nnsight"] = types.SimpleNamespace(LanguageModel=object)  # type: ignore[assignment]

from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer  # noqa: E402

from benchmarks.peers.protocol import Encode, Job, Rows, batches, run  # noqa: E402

_NORM_BATCHES = 20


class DictionaryLearning:
    """The library's BatchTopK trainer."""

    def __init__(self, job: Job, rows: Rows) -> None:
        """Make the trainer."""
        mended = job.setting != "stock"
        schedule = {
            "warmup_steps": job.steps // 20,
            "decay_start": int(0.8 * job.steps),
            "threshold_start_step": job.steps // 20,
            "threshold_beta": 1 - 10 / job.steps,
        }
        stock = {"warmup_steps": min(1000, job.steps - 1)}
        self.trainer = BatchTopKTrainer(
            steps=job.steps,
            activation_dim=rows.width,
            dict_size=job.features,
            k=job.k,
            layer=0,
            lm_name="none",
            lr=2e-4 / (job.features / 2**14) ** 0.5 * job.rate,  # its own default, times a factor
            seed=job.seed,
            device="cpu",
            **(schedule if mended else stock),
        )
        self.norm = 1.0
        if mended:
            self.trainer.dead_feature_threshold = job.steps * job.batch // 20
            sample = zip(range(_NORM_BATCHES), batches(len(rows), job), strict=False)
            squares = [float(rows.take(chosen).square().sum(1).mean()) for _, chosen in sample]
            self.norm = (sum(squares) / len(squares)) ** 0.5

    def step(self, number: int, rows: torch.Tensor) -> None:
        """One update, as `trainSAE` calls it."""
        self.trainer.update(number, rows.div_(self.norm))

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """The dictionary with its threshold; scaling the rows is what `scale_biases` folds in at the end."""

        def encode(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            rebuilt, features = self.trainer.ae(rows / self.norm, output_features=True)
            return rebuilt * self.norm, features > 0

        yield encode


if __name__ == "__main__":
    run(DictionaryLearning, "dictionary-learning")
