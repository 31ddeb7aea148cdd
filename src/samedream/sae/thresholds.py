"""How a JumpReLU dictionary's thresholds learn (Rajamanoharan et al. 2024, arXiv:2407.14435, section 3).

The loss is flat in a threshold t but for jumps: moving t by dt switches the activations in between on or off. The
average slope over many rows is estimated from the pre-activations z in a band of width b around t (the paper's
rectangle kernel):

    d activation / dt = -t / b,    d L0 / dt = -1 / b    where |z - t| < b / 2,    else 0
"""

import numpy as np
import torch

from samedream.sae.kernels import active_set, value_gradients
from samedream.sae.variants.protocol import Jump


def l0_penalty(l0: float, k: int, jump: Jump) -> tuple[float, float]:
    """What missing the wanted L0 costs, and its slope.

    Args:
        l0: Features active per row.
        k: As many are wanted.
        jump: How thresholds are learned.

    Returns:
        strength * (l0 / k - 1)^2 and its derivative by l0.
    """
    miss = l0 / k - 1
    return jump.strength * miss**2, jump.strength * 2 * miss / k


def threshold_gradients(
    margins: torch.Tensor, threshold: torch.Tensor, *, slopes: torch.Tensor, decoder: torch.Tensor, bandwidth: float,
    l0_slope: float,
) -> torch.Tensor:  # fmt: skip
    """Gradient of the loss by each threshold.

    Args:
        margins: Pre-activations less thresholds, float32 [rows, features], contiguous.
        threshold: float32 [features].
        slopes: d loss / d reconstruction, float32 [rows, d].
        decoder: float32 [features, d].
        bandwidth: Width of the band.
        l0_slope: d loss / d L0, where L0 is the mean over rows.

    Returns:
        float32 [features].
    """
    near = active_set(margins, np.flatnonzero(margins.abs().numpy() < bandwidth / 2))
    pulls = value_gradients(near, slopes, decoder).mul_(threshold[near.features]).add_(l0_slope / len(margins))
    return torch.zeros_like(threshold).index_add_(0, near.features, pulls).div_(-bandwidth)
