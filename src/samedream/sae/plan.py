"""What the settings come to for the vectors that are there, and whether these can be trained on at all."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from samedream.errors import TrainingError
from samedream.sae.config import SAEConfig
from samedream.sae.optimiser import default_rate
from samedream.sae.split import Split, Vectors

_STEPS, _ROWS = 1200, 80_000  # measured (docs/sae.md): 1,200 steps do for 80,000 rows; they grow with the square root
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The resolved settings.

    Attributes:
        width: Number of features.
        batch_rows: Rows per step.
        steps: Training steps.
        learning_rate: Peak.
        aux_k: Dead features per row in AuxK.
        dead_after: A feature that has not fired for this many steps is dead.
    """

    width: int
    batch_rows: int
    steps: int
    learning_rate: float
    aux_k: int
    dead_after: int


def make_plan(config: SAEConfig, rows: int, d: int) -> TrainingPlan:
    """Resolve settings for `rows` training rows of width `d`.

    Raises:
        TrainingError: k does not fit the number of features, or there are fewer rows than features.
    """
    width = config.width if config.width is not None else round(config.expansion * d)
    if config.k >= width:
        raise TrainingError(
            f"k is {config.k} and there are {width:,} features: expected k below the number of features. Lower k, or "
            f"raise expansion (now {config.expansion:g}, hidden states have {d} dimensions) or width"
        )
    if rows < width:
        raise TrainingError(
            f"{rows:,} training vectors for {width:,} features: expected at least one vector per feature. Read more "
            f"passages, or lower expansion (now {config.expansion:g}) or width"
        )
    batch_rows = min(config.batch_rows, rows)
    per_epoch = rows // batch_rows
    if config.steps is not None:
        steps = config.steps
    elif config.epochs is not None:
        steps = max(1, round(config.epochs * per_epoch))
    else:
        steps = max(per_epoch, math.ceil(_STEPS * math.sqrt(rows / _ROWS)))
    return TrainingPlan(
        width=width,
        batch_rows=batch_rows,
        steps=steps,
        learning_rate=config.learning_rate if config.learning_rate is not None else default_rate(width, steps),
        aux_k=config.aux_k if config.aux_k is not None else max(1, d // 2),
        # min(256 steps, 5 % of the run): a window counted in tokens, as elsewhere, never ends in a run this short
        dead_after=max(1, min(256, round(0.05 * steps))),
    )


def as_matrix(vectors: object) -> torch.Tensor:
    """Vectors as a float32 tensor [rows, d] on the CPU; shares memory where it can.

    Raises:
        TrainingError: It is no matrix of numbers.
    """
    if isinstance(vectors, np.ndarray) and vectors.dtype.kind in "fiu":
        if not vectors.dtype.isnative or vectors.dtype.itemsize > 8:  # kinds that torch has none of
            vectors = vectors.astype(np.float32)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nor is it written to
            vectors = torch.from_numpy(np.ascontiguousarray(vectors))
    if not isinstance(vectors, torch.Tensor) or vectors.ndim != 2 or vectors.is_complex() or vectors.is_sparse:
        shape = f" of shape {list(vectors.shape)}" if isinstance(vectors, torch.Tensor | np.ndarray) else ""
        raise TrainingError(
            f"found a {type(vectors).__name__}{shape} to train on, expected a matrix of numbers [rows, d] (torch or "
            f"numpy) or a finished harvest (ActivationStore)"
        )
    return vectors.detach().to("cpu", torch.float32).contiguous()


def check_rows(vectors: Vectors, split: Split) -> None:
    """Refuse vectors that cannot be trained on.

    Raises:
        TrainingError: There are none on one side of the split, or some are NaN or infinite.
    """
    if not len(split.train) or not len(split.held_out):
        raise TrainingError(
            f"{len(vectors):,} vectors leave {len(split.train):,} to train on and {len(split.held_out):,} held out: "
            f"expected some of each. Read passages of more articles"
        )
    broken = [
        start + int(row)
        for start in range(0, len(vectors), _CHUNK)
        for row in (~vectors[torch.arange(start, min(start + _CHUNK, len(vectors)))].isfinite().all(1)).nonzero()
    ]
    if broken:
        raise TrainingError(
            f"{len(broken):,} of {len(vectors):,} vectors have NaN or infinite values, the first is row {broken[0]:,}: "
            f"expected finite numbers. The model overflowed while it was read, or they were damaged since: harvest "
            f'again in float32 (dtype = "float32" in [activations])'
        )
