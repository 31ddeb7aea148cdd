"""What a kind of dictionary has to say."""

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch

Architecture = Literal["jumprelu", "topk"]


class Variant(Protocol):
    """What sets one kind of dictionary apart while it is trained, and how it is saved."""

    @property
    def architecture(self) -> Architecture:
        """What it is saved as: "jumprelu" needs a calibrated threshold, "topk" needs k."""

    @property
    def penalty(self) -> float:
        """Weight of the L1 penalty on the activations that are kept."""

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """Which features are active.

        Args:
            pre: Pre-activations, float32 [rows, features], contiguous.

        Returns:
            Ascending positions in the flattened `pre` of the activations that are kept; all have a value above 0.
        """
