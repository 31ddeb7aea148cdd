"""Matryoshka BatchTopK (Bussmann et al. 2025, arXiv:2503.17547; the idea also Nabeshima 2024): nested dictionaries.

The first features have to reconstruct by themselves, so they keep to general concepts instead of being split up into
special cases. The loss is the mean over the nested dictionaries of their squared error, each with the same decoder
bias; the rows * k largest activations are chosen once, over the whole dictionary.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_overall
from samedream.sae.variants.protocol import Architecture, Rule, Variant


def ends(shares: Sequence[float], width: int) -> tuple[int, ...]:
    """Where nested dictionaries end.

    Args:
        shares: Their shares of the features, ascending, the last one 1.
        width: Number of features.

    Returns:
        Feature counts, ascending and different, the last one `width`; fewer than shares where two round to the same.
    """
    return tuple(sorted({max(1, round(share * width)) for share in shares}))


class Matryoshka(Variant):
    """BatchTopK whose first features are dictionaries of their own; saved, like it, as JumpReLU with a threshold."""

    architecture: ClassVar[Architecture] = "jumprelu"
    rule: ClassVar[Rule | None] = "batch"
    calibrated: ClassVar[bool] = True

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The rows * k largest positive pre-activations of the batch."""
        return largest_overall(pre, self.k * len(pre))
