"""SAELens: `SAETrainer` on a BatchTopK SAE; its inference path is the saved JumpReLU, loaded again.

Stock: all defaults. `lr_end` has to be given all the same: `SAETrainer.__init__` asserts that it is not None, and the
dataclass default is None; lr / 10 is what the language-model runner fills in.

Mended: centred rows (b_dec starts at 0 and there is no option to start it elsewhere), input scaled from 20 batches
in place of 1,000, a dead window of 5 % of the run in place of 1,000 steps, 5 % warm-up, decay over the last fifth, and
a threshold whose moving average is a tenth of the run long.
"""

import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sae_lens import SAE, BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, SAETrainer
from sae_lens.config import SAETrainerConfig

from benchmarks.peers.protocol import Encode, Job, Rows, batches, run

_RATE = 3e-4
_NORM_BATCHES = 20


class SAELens:
    """SAELens' trainer, one public `step` at a time as its own `fit` calls it."""

    def __init__(self, job: Job, rows: Rows) -> None:
        """Make the SAE and its trainer."""
        mended = job.setting != "stock"
        shape = {"normalize_activations": "expected_average_only_in", "topk_threshold_lr": max(0.01, 10 / job.steps)}
        schedule = {
            "lr_warm_up_steps": max(2, job.steps // 20),
            "lr_decay_steps": job.steps // 5,
            "dead_feature_window": max(1, job.steps // 20),
            "n_batches_for_norm_estimate": _NORM_BATCHES,
        }
        sae = BatchTopKTrainingSAE(
            BatchTopKTrainingSAEConfig(d_in=rows.width, d_sae=job.features, k=job.k, **(shape if mended else {}))
        )
        config = SAETrainerConfig(
            total_training_samples=job.steps * job.batch,
            train_batch_size_samples=job.batch,
            lr=_RATE * job.rate,
            lr_end=_RATE * job.rate / 10,
            **(schedule if mended else {}),
        )
        provider = (rows.take(chosen) for chosen in batches(len(rows), job))
        self.trainer = SAETrainer(config, sae, provider)
        if mended:  # as fit() does
            self.trainer.activation_scaler.estimate_scaling_factor(rows.width, provider, _NORM_BATCHES)

    def step(self, number: int, rows: torch.Tensor) -> None:
        """One step of `fit`."""
        self.trainer.maybe_reset_sparsity() if number else None
        self.trainer.step(rows)
        self.trainer.n_training_steps += 1

    @contextmanager
    def inference(self) -> Iterator[Encode]:
        """Fold the scale, save for inference, load."""
        sae = copy.deepcopy(self.trainer.sae)
        if self.trainer.activation_scaler.scaling_factor is not None:
            sae.fold_activation_norm_scaling_factor(self.trainer.activation_scaler.scaling_factor)
        with tempfile.TemporaryDirectory() as directory:
            sae.save_inference_model(directory)
            loaded = SAE.load_from_disk(directory)

        def encode(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = loaded.encode(rows)
            return loaded.decode(features), features > 0

        yield encode


if __name__ == "__main__":
    run(SAELens, "sae-lens", centred=("mended", "centred", "tuned"))
