"""Centre and scale of hidden states, streamed in float64."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from samedream.errors import TrainingError
from samedream.sae.split import Vectors

_CHUNK = 4096
_ENOUGH = 262_144  # rows: more would move neither figure


@dataclass(frozen=True, slots=True)
class Scaling:
    """x -> (x - centre) * scale has mean 0 and mean squared norm d.

    Attributes:
        centre: Mean row, float32 [d].
        scale: One positive number.
    """

    centre: torch.Tensor
    scale: float

    def apply(self, rows: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        """Centre and scale rows, float32 [rows, d]; a new tensor, or `out`."""
        return torch.sub(rows, self.centre, out=out).mul_(self.scale)


def measure(vectors: Vectors, rows: npt.NDArray[np.int64]) -> Scaling:
    """Centre and scale of the training rows.

    Args:
        vectors: Raw hidden states.
        rows: Which of them train, int64 ascending; of more than 262,144, evenly spaced ones are read.

    Raises:
        TrainingError: All rows are the same.
    """
    d = vectors.shape[1]
    rows = rows[:: max(1, -(-len(rows) // _ENOUGH))]
    parts = [torch.from_numpy(part) for part in np.array_split(rows, max(1, -(-len(rows) // _CHUNK)))]
    centre = torch.zeros(d, dtype=torch.float64)
    for part in parts:
        centre += vectors[part].double().sum(0) / len(rows)
    spread = torch.zeros((), dtype=torch.float64)
    for part in parts:
        spread += (vectors[part].double() - centre).square().sum() / len(rows)
    if float(spread) <= 1e-12 * float(centre.square().sum()):
        raise TrainingError(
            f"all {len(rows):,} training vectors are the same: there is nothing to explain. Expected hidden states of "
            f"different tokens; look at the harvest (layer, pooling) they come from"
        )
    return Scaling(centre.float(), float((d / spread).sqrt()))
