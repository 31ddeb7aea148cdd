"""L1 + top-k, the kind this project began with: ReLU, the k largest kept, and an L1 penalty on what is kept."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_per_row
from samedream.sae.variants.protocol import Architecture, Rule, Variant


class L1TopK(Variant):
    """k is the coarse knob, the L1 weight the fine one.

    The penalty is l1_strength * mean over rows of the sum of activations, beside the squared error per dimension, on
    rows scaled to unit variance per dimension: it pulls each activation down by about l1_strength * d / 2, whatever the
    model.
    """

    architecture: ClassVar[Architecture] = "topk"
    rule: ClassVar[Rule | None] = "row"

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The k largest positive pre-activations of each row."""
        return largest_per_row(pre, self.k)
