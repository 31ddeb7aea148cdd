"""A frozen decoder, a baseline: BatchTopK whose decoder stays random; only the encoder and the biases learn.

What it explains, and what it shares with another model, is no learned concept but what k of many random directions
can do.
"""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import largest_overall
from samedream.sae.variants.protocol import Architecture, Variant


class Frozen(Variant):
    """Trained, calibrated and saved like BatchTopK."""

    architecture: ClassVar[Architecture] = "jumprelu"
    calibrated: ClassVar[bool] = True
    frozen_decoder: ClassVar[bool] = True

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """The rows * k largest positive pre-activations of the batch."""
        return largest_overall(pre, self.k * len(pre))
