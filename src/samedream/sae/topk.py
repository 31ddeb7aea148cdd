"""TopK (Gao et al. 2024, arXiv:2406.04093): the k largest pre-activations of each row, then ReLU."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_per_row
from samedream.sae.variant import Architecture


@dataclass(frozen=True, slots=True)
class TopK:
    """Exactly k features in every row (fewer where fewer are positive)."""

    k: int
    architecture: Architecture = "topk"
    penalty: float = 0.0

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The k largest positive pre-activations of each row."""
        return largest_per_row(pre, self.k)
