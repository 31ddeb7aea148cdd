"""Plain L1 (Cunningham et al. 2023, arXiv:2309.08600; Bricken et al. 2023): ReLU, and a penalty on all that fires."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import positive
from samedream.sae.variants.protocol import Architecture, Variant


class L1(Variant):
    """The L1 weight alone decides how many features fire; k plays no part.

    The penalty has the units of L1 + top-k's. Decoder rows have norm 1, or the penalty could be dodged by small
    activations of long rows. Saved as JumpReLU with threshold 0, which is ReLU.
    """

    architecture: ClassVar[Architecture] = "jumprelu"

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """All positive pre-activations."""
        return positive(pre)
