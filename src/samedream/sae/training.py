"""Training a dictionary: the loop, then calibration and health on held-out rows."""

import time
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from samedream import progress
from samedream.errors import TrainingError
from samedream.sae.advice import Metric
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.calibration import calibrate_threshold
from samedream.sae.config import SAEConfig
from samedream.sae.health import chunks, measure_health
from samedream.sae.plan import TrainingPlan, as_matrix, check_rows, make_plan
from samedream.sae.scaling import Scaling, measure
from samedream.sae.split import Split, VectorStore, split_rows, split_vectors
from samedream.sae.trainer import Trainer, batches
from samedream.sae.variants import variant

_MOMENTS = 50  # how many moments of the run the report keeps


class Moment(msgspec.Struct, frozen=True):
    """The loss at one step, on the batch it was taken with.

    Attributes:
        step: From 1.
        unexplained: Share of the batch's variance that is not reconstructed.
        penalty: The L1 term.
        aux: The AuxK term before its weight.
        dead: Features that had not fired within the dead window.
    """

    step: int
    unexplained: float
    penalty: float
    aux: float
    dead: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """How a training run went.

    Attributes:
        config: The settings.
        plan: What they came to.
        d_in: Width of the hidden states.
        rows: Rows trained on.
        held_out_rows: Rows held out.
        scale: What centred rows were multiplied with.
        threshold: JumpReLU threshold in scaled units, None for topk.
        history: About 50 moments of the run, the last step among them.
        health: Figures on held-out rows.
        vectors_per_second: Rows seen per second of the loop; never written to disk.
    """

    config: SAEConfig
    plan: TrainingPlan
    d_in: int
    rows: int
    held_out_rows: int
    scale: float
    threshold: float | None
    history: list[Moment]
    health: list[Metric]
    vectors_per_second: float

    def __getitem__(self, key: str) -> float:
        """A health figure by its key ("variance_explained")."""
        return next(metric.value for metric in self.health if metric.key == key)

    def record(self) -> dict[str, Any]:
        """What is written to `health.json`: everything but the speed."""
        return {
            "rows": self.held_out_rows,
            "metrics": msgspec.to_builtins(self.health),
            "training": {
                **msgspec.to_builtins(self.plan),
                "variant": self.config.variant,
                "k": self.config.k,
                "l1_strength": self.config.penalty(),
                "seed": self.config.seed,
                "d_in": self.d_in,
                "rows": self.rows,
                "scale": self.scale,
                "threshold": self.threshold,
                "history": msgspec.to_builtins(self.history),
            },
        }


def train_sae(
    vectors: torch.Tensor | npt.NDArray[Any] | VectorStore, config: SAEConfig | None = None
) -> tuple[SparseAutoencoder, TrainingReport]:
    """Train a dictionary on hidden states.

    The same vectors, settings and number of threads give the same bits on the same machine.

    Args:
        vectors: Raw hidden states [rows, d], or a finished harvest (`ActivationStore`). Of a harvest a tenth of the
            articles is held out, by a hash of their ids; of bare vectors a tenth of the rows.
        config: Settings; the defaults when not given.

    Returns:
        The dictionary, which takes raw hidden states, and how its training went.

    Raises:
        TrainingError: The vectors cannot be trained on (too few, NaN, all the same), the settings do not fit them, or
            the loss is not finite.
    """
    config = config or SAEConfig()
    matrix, split = _rows(vectors, config)
    check_rows(matrix, split)
    plan = make_plan(config, len(split.train), matrix.shape[1])
    scaling = measure(matrix, split.train)
    kind = variant(config.variant, config.k, config.penalty())
    trainer = Trainer(matrix.shape[1], plan, kind, seed=config.seed)
    started = time.perf_counter()
    history = _loop(trainer, matrix, split.train, scaling=scaling, seed=config.seed)
    seconds = time.perf_counter() - started
    sae, threshold = _fold(trainer, matrix, split.held_out, scaling=scaling, config=config)
    total = len(split.held_out) + len(split.train)
    with progress.step("measuring the dictionary's health", total, "vectors") as bar:
        health = measure_health(sae, matrix, split.held_out, others=split.train, advance=bar.advance)
    sae.metadata["l0"] = next(metric.value for metric in health if metric.key == "l0")
    report = TrainingReport(
        config=config,
        plan=plan,
        d_in=matrix.shape[1],
        rows=len(split.train),
        held_out_rows=len(split.held_out),
        scale=scaling.scale,
        threshold=threshold,
        history=history,
        health=health,
        vectors_per_second=plan.steps * plan.batch_rows / seconds,
    )
    return sae, report


def _rows(vectors: torch.Tensor | npt.NDArray[Any] | VectorStore, config: SAEConfig) -> tuple[torch.Tensor, Split]:
    """All vectors, and which of them train."""
    if isinstance(vectors, VectorStore):
        matrix = as_matrix(vectors.vectors(config.layer))
        if not len(matrix):
            raise TrainingError("the harvest holds no vectors: expected some. Read passages with text in them")
        return matrix, split_rows(vectors.row_passages(config.layer), vectors.article_ids, config.articles)
    matrix = as_matrix(vectors)
    return matrix, split_vectors(len(matrix), config.articles)


def _loop(
    trainer: Trainer, matrix: torch.Tensor, rows: npt.NDArray[np.int64], *, scaling: Scaling, seed: int
) -> list[Moment]:
    """Run all steps; return the moments to keep."""
    plan, moments = trainer.plan, []
    every = max(1, -(-plan.steps // _MOMENTS))
    with progress.step(f"training a dictionary of {plan.width:,} features", plan.steps, "steps") as bar:
        for batch in batches(rows, plan, seed):
            dead = len(trainer.dead())
            losses = trainer.step(scaling.apply(matrix[batch]))
            bar.advance(1, note=f"variance explained {1 - losses.unexplained:.3f}, {dead} dead")
            if trainer.steps_done % every == 0 or trainer.steps_done == plan.steps:
                moments.append(Moment(trainer.steps_done, losses.unexplained, losses.penalty, losses.aux, dead))
    return moments


def _fold(
    trainer: Trainer, matrix: torch.Tensor, held_out: npt.NDArray[np.int64], *, scaling: Scaling, config: SAEConfig
) -> tuple[SparseAutoencoder, float | None]:
    """The dictionary on raw hidden states, with its threshold calibrated where the variant needs one."""
    jumps = trainer.kind.architecture == "jumprelu"
    metadata = {"training_architecture": config.variant}
    start = 0.0 if jumps else None
    sae = SparseAutoencoder.folded(trainer.weights, scaling, threshold=start, k=config.k, metadata=metadata)
    if sae.threshold is None:
        return sae, None
    pre_activations = (sae.pre_activations(matrix[part]) for part in chunks(held_out))
    sae.threshold.fill_(calibrate_threshold(pre_activations, len(held_out), config.k))
    return sae, float(sae.threshold[0])
