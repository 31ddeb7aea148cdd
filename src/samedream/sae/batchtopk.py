"""BatchTopK (Bussmann et al. 2024, arXiv:2412.06410): k features per row on average, chosen over the whole batch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_overall
from samedream.sae.variant import Architecture


@dataclass(frozen=True, slots=True)
class BatchTopK:
    """Rows that need more features get more.

    Outside training a row stands alone, so it is saved as JumpReLU with a threshold.
    """

    k: int
    architecture: Architecture = "jumprelu"
    penalty: float = 0.0

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The rows * k largest positive pre-activations of the batch."""
        return largest_overall(pre, self.k * len(pre))
