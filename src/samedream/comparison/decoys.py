"""Features against decoys: is a feature found better in the other model than in a random twin, at what false rate?"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def competition_q(r: Floats, decoy: Floats) -> Floats:
    """q-value of each feature's win over its decoy: knockoff+ (Barber & Candes 2015, arXiv:1404.5609, eq. 1.9).

    A feature that the other model does not have wins or loses against what it finds in a random twin alike, so the
    losses by more than t say how many of the wins by more than t are worth nothing:
    ``q(t) = (1 + #{decoy - r >= t}) / #{r - decoy >= t}``, and a feature's q is the least q(t) at which it still wins.
    Pairing each feature with its own decoy makes neither frequent features nor those that follow one token count for
    more: a feature that a twin shows as well as the other model wins by nothing and changes nothing.

    Args:
        r: Held-out correlation of each feature with its partner, ``[features]``.
        decoy: The same in the twin, ``[features]``.

    Returns:
        q ``[features]``; 1 for features that do not win.
    """
    win = r - decoy
    order = np.argsort(-np.abs(win), kind="stable")
    sign, size = np.sign(win[order]), np.abs(win[order])
    last = np.searchsorted(-size, -size, side="right") - 1  # a win as large as a loss does not come before it
    rate = np.minimum(1.0, (1 + np.cumsum(sign < 0)) / np.maximum(1, np.cumsum(sign > 0)))[last]
    q = np.ones_like(r)
    q[order] = np.where(sign > 0, np.minimum.accumulate(rate[::-1])[::-1], 1.0)
    return q
