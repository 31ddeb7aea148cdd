"""The course of one dictionary's training: steps, moments to keep, checkpoints, and when to stop."""

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from samedream.errors import CorruptArtifactError
from samedream.sae import checkpoint
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.calibration import calibrate_threshold
from samedream.sae.config import SAEConfig
from samedream.sae.health import chunks
from samedream.sae.plan import TrainingPlan
from samedream.sae.report import Moment
from samedream.sae.scaling import Scaling
from samedream.sae.split import Vectors
from samedream.sae.trainer import Trainer
from samedream.sae.variants import variant

MOMENTS = "moments"
_HISTORY = 50  # how many moments of the loss the report keeps
_LOOKS = 20  # how often in a run the watched rows are looked at
_FEW = 8192  # rows that calibrate a dictionary on its way


class Course:
    """One dictionary on its way."""

    def __init__(
        self,
        config: SAEConfig,
        plan: TrainingPlan,
        scaling: Scaling,
        *,
        vectors: Vectors,
        held_out: npt.NDArray[np.int64],
        workspace: Path | None,
    ) -> None:
        """Start, or go on where a checkpoint stands.

        Args:
            config: Settings.
            plan: What they came to.
            scaling: Centre and scale of the rows.
            vectors: Raw hidden states.
            held_out: Rows that are not trained on; with `patience` their first half is watched.
            workspace: Where checkpoints and kept moments go; None: nothing is written.

        Raises:
            StaleArtifactError: The checkpoint is of another run.
            CorruptArtifactError: The checkpoint cannot be read.
        """
        self.config, self.plan, self.scaling = config, plan, scaling
        self._vectors, self._held_out, self._workspace = vectors, held_out, workspace
        self.trainer = Trainer(scaling.centre.numel(), plan, variant(config, plan.width), seed=config.seed)
        self.history: list[Moment] = []
        self._best: tuple[float, int, dict[str, torch.Tensor]] | None = None
        self._written = time.monotonic()
        self._keep = {max(1, round(share * plan.steps)) for share in config.moments}
        self._made_from = {
            "config": config.model_dump(mode="json"),
            "plan": msgspec.to_builtins(plan),
            "scale": scaling.scale,
            "rows": len(vectors),
            "device": self.trainer.weights.encoder.device.type,
        }
        self._resume()

    def _resume(self) -> None:
        if self._workspace is None:
            return
        path = self._workspace / checkpoint.CHECKPOINT
        found = checkpoint.read_checkpoint(path, made_from=self._made_from)
        if found is None:
            return
        try:
            self._take_up(*found)
        except (LookupError, TypeError, ValueError, RuntimeError, msgspec.ValidationError) as error:
            raise CorruptArtifactError(
                f"{path} does not hold what this training run goes on from ({error}): it is damaged, or was written "
                f"where another path of training ran (samedream without numba, say); delete it and rerun: training "
                f"starts from its first step"
            ) from error

    def _take_up(self, state: dict[str, torch.Tensor], history: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.history = msgspec.convert(history["moments"], list[Moment])
        if "best" in history:
            weights = {name[5:]: tensor for name, tensor in state.items() if name.startswith("best.")}
            self._best = (*history["best"], weights)
        self.trainer.restore({name: tensor for name, tensor in state.items() if not name.startswith("best.")})

    @property
    def done(self) -> bool:
        """Whether the last step is taken, or nothing has got better for `patience` looks."""
        steps = self.trainer.steps_done
        if self.config.patience is not None and self._best is not None:
            look = max(1, self.plan.steps // _LOOKS)
            if steps - self._best[1] >= self.config.patience * look:
                return True
        return steps == self.plan.steps

    def learn(self, rows: torch.Tensor) -> str:
        """Learn from one batch; return what to show beside the progress."""
        losses = self.trainer.step(rows)
        step, dead = self.trainer.steps_done, self.trainer.dead_count
        if step % max(1, -(-self.plan.steps // _HISTORY)) == 0 or step == self.plan.steps:
            self.history.append(Moment(step, losses.unexplained, losses.penalty, losses.aux, dead))
        if self.config.patience is not None and step % max(1, self.plan.steps // _LOOKS) == 0:
            self._look(step)
        if self._workspace is not None:
            if step in self._keep:
                self._keep_moment(self._workspace / MOMENTS / f"step-{step:06d}")
            if time.monotonic() - self._written > checkpoint.SECONDS:
                self._checkpoint(self._workspace / checkpoint.CHECKPOINT)
        return f"variance explained {1 - losses.unexplained:.3f}, {dead} dead"

    def _look(self, step: int) -> None:
        """Remember the weights that reconstruct the watched rows best."""
        watched = self._held_out[: max(1, len(self._held_out) // 2)]
        sae, _ = self._dictionary(watched)
        error = 0.0
        for part in chunks(watched):
            rows = self._vectors[part]
            error += float((sae.decode(sae.encode(rows)) - rows).double().square().sum())
        if self._best is None or error < self._best[0]:
            weights = {str(place): tensor.clone() for place, tensor in enumerate(self.trainer.weights.tensors())}
            self._best = (error, step, weights)

    def _checkpoint(self, path: Path) -> None:
        history: dict[str, object] = {"moments": msgspec.to_builtins(self.history)}
        state = self.trainer.state()
        if self._best is not None:
            history["best"] = self._best[:2]
            state |= {f"best.{name}": tensor for name, tensor in self._best[2].items()}
        checkpoint.write_checkpoint(path, state, made_from=self._made_from, history=history)
        self._written = time.monotonic()

    def _keep_moment(self, directory: Path) -> None:
        sae, _ = self._dictionary(self._held_out[:: max(1, -(-len(self._held_out) // _FEW))])
        sae.metadata["step"] = self.trainer.steps_done
        sae.save(directory)

    def finish(self) -> tuple[SparseAutoencoder, float | None, int]:
        """The dictionary, its threshold in scaled units (None for topk) and the step it is of.

        With `patience` it is the best one seen, and the rows that were not watched calibrate it.
        """
        step, held_out = self.trainer.steps_done, self.held_out
        if self._best is not None:
            step = self._best[1]
            for place, tensor in enumerate(self.trainer.weights.tensors()):
                tensor.copy_(self._best[2][str(place)])
        return *self._dictionary(held_out), step

    @property
    def held_out(self) -> npt.NDArray[np.int64]:
        """Rows that neither trained nor decided when to stop: what health is measured on."""
        return self._held_out[len(self._held_out) // 2 :] if self.config.patience is not None else self._held_out

    def _dictionary(self, held_out: npt.NDArray[np.int64]) -> tuple[SparseAutoencoder, float | None]:
        """The dictionary on raw hidden states, with its threshold calibrated where the variant needs one."""
        weights, kind = self.trainer.host_weights(), self.trainer.kind
        start: float | torch.Tensor | None = None
        if kind.architecture == "jumprelu":
            start = 0.0 if weights.threshold is None else weights.threshold
        metadata = {"training_architecture": self.config.variant}
        sae = SparseAutoencoder.folded(weights, self.scaling, threshold=start, k=self.config.k, metadata=metadata)
        if sae.threshold is None or weights.threshold is not None:
            return sae, None
        if kind.calibrated:
            pre_activations = (sae.pre_activations(self._vectors[part]) for part in chunks(held_out))
            sae.threshold.fill_(calibrate_threshold(pre_activations, len(held_out), self.config.k))
        return sae, float(sae.threshold[0])

    def clean_up(self) -> None:
        """Remove the checkpoint: the dictionary is written."""
        if self._workspace is not None:
            (self._workspace / checkpoint.CHECKPOINT).unlink(missing_ok=True)
