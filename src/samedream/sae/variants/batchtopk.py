"""BatchTopK (Bussmann et al. 2024, arXiv:2412.06410): k features per row on average, chosen over the whole batch."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_overall
from samedream.sae.variants.protocol import Architecture, Rule, Variant


class BatchTopK(Variant):
    """Rows that need more features get more.

    Outside training a row stands alone, so it is saved as JumpReLU with a threshold.
    """

    architecture: ClassVar[Architecture] = "jumprelu"
    rule: ClassVar[Rule | None] = "batch"
    calibrated: ClassVar[bool] = True

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The rows * k largest positive pre-activations of the batch."""
        return largest_overall(pre, self.k * len(pre))
