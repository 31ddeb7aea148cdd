"""The control beside every score: other features' labels on the same trials."""

import numpy as np
from numpy.typing import NDArray

OTHERS = 4  # labels of others that each feature is tried with; the control is their mean
_STRATUM = 64  # features of similar firing rate among which labels go round


def others(fired: NDArray[np.int64], usable: NDArray[np.bool_], *, seed: int) -> NDArray[np.int64]:
    """For every usable feature the features whose labels it is tried with: never its own, of a similar firing rate.

    In each stratum the features stand in a random circle, and the k-th control takes the label of the k-th after it: a
    derangement of the stratum for every k.

    Args:
        fired: Passages on which each feature fires, int64 [features].
        usable: Whether a feature has a label and trials, bool [features].
        seed: Of the circle.

    Returns:
        int64 [`OTHERS` + 1, features], -1 where a feature is not usable or there are too few; the last row is for a
        control of the control: what badge a label of another gets.
    """
    found = np.full((OTHERS + 1, len(fired)), -1, np.int64)
    mine = np.flatnonzero(usable)
    mine = mine[np.argsort(fired[mine], kind="stable")]
    random = np.random.default_rng(seed)
    for stratum in np.array_split(mine, max(len(mine) // _STRATUM, 1)):
        if len(stratum) <= OTHERS + 1:
            continue
        circle = random.permutation(stratum)
        for k in range(OTHERS + 1):
            found[k, circle] = np.roll(circle, -(k + 1))
    return found
