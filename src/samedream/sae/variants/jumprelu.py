"""JumpReLU (Rajamanoharan et al. 2024, arXiv:2407.14435): every feature learns its own threshold.

What exceeds the threshold passes unchanged. The step has no slope, so the threshold's gradient is an estimate from the
pre-activations in a narrow band around it (`samedream.sae.thresholds`). The paper's penalty, a weight times L0, is
replaced by (L0 / k - 1)^2, as in dictionary_learning (the paper's appendix proposes it to aim at an L0): k stays the
knob. Thresholds are learned as they are and not as logarithms, as in dictionary_learning and SAELens: both saw
logarithms move too little.
"""

from statistics import NormalDist
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.selection import positive
from samedream.sae.variants.protocol import Architecture, Jump, Variant

# In activations' units, as in Conerly et al. 2025 (Transformer Circuits, January update). Narrower bands, which suit
# longer runs, lose features: with few pre-activations in its band a threshold that is too high stays there. Measured:
# docs/sae.md.
_BANDWIDTH = 2.0
_STRENGTH = 1.0  # as in dictionary_learning; 0.1 and 10 end at about the same L0


class JumpReLU(Variant):
    """Saved as it is, with its own thresholds: L0 on held-out rows is near k, not k."""

    architecture: ClassVar[Architecture] = "jumprelu"

    @property
    def jump(self) -> Jump:
        """Thresholds start where k features of a row exceed them.

        At the start pre-activations have mean 0 and mean square 1 (rows have mean squared norm d, features are random
        directions of norm 1), so a normal distribution's quantile tells. A start from 0 would spend a small budget on
        getting there.
        """
        return Jump(max(0.0, NormalDist().inv_cdf(1 - self.k / self.nested[-1])), _BANDWIDTH, _STRENGTH)

    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """All that exceeds its threshold."""
        return positive(pre)
