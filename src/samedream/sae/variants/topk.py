"""TopK (Gao et al. 2024, arXiv:2406.04093): the k largest pre-activations of each row, then ReLU."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_per_row
from samedream.sae.variants.protocol import Architecture, Rule, Variant


class TopK(Variant):
    """Exactly k features in every row (fewer where fewer are positive)."""

    architecture: ClassVar[Architecture] = "topk"
    rule: ClassVar[Rule | None] = "row"

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The k largest positive pre-activations of each row."""
        return largest_per_row(pre, self.k)
