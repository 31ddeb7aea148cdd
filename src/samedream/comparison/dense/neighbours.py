"""Mutual k-nearest-neighbour overlap (Huh et al. 2024, arXiv:2405.07987): do passages have the same neighbours?"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.blocks import Blocks
from samedream.comparison.dense.calibration import Measured
from samedream.comparison.estimates import Sampled

NEIGHBOURS = 10
_CHUNK = 512  # rows of similarities sorted at a time

Floats32 = NDArray[np.float32]
Index = NDArray[np.int64]


def nearest(cosine: Floats32) -> Index:
    """The 10 nearest other passages of each by cosine, int64 ``[passages, 10]``, in no order."""
    return _nearest(len(cosine), lambda rows: cosine[rows])


def nearest_states(states: Floats32) -> Index:
    """The same from states ``[passages, d]``, a few rows of cosines at a time."""
    centred = (states - states.mean(axis=0, dtype=np.float64)).astype(np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= np.where(length > 0, length, 1)
    return _nearest(len(states), lambda rows: centred[rows] @ centred.T)


def _nearest(passages: int, cosines: Callable[[slice], Floats32]) -> Index:
    k = min(NEIGHBOURS, passages - 1)
    found = np.empty((passages, k), dtype=np.int64)
    for first in range(0, passages, _CHUNK):
        part = -cosines(slice(first, first + _CHUNK))
        here = np.arange(len(part))
        part[here, first + here] = np.inf
        found[first : first + _CHUNK] = np.argpartition(part, k - 1, axis=1)[:, :k]
    return found


def mutual_neighbours(left: Index, right: Index, blocks: Blocks, shuffles: list[Index]) -> Measured:
    """Share of a passage's nearest neighbours that are the same on both sides, mean over the passages.

    Args:
        left: `nearest` of one side.
        right: Of the other, the same passages.
        blocks: Their articles.
        shuffles: Pairings of left's passages with right's (`calibration.shuffles`).
    """
    share = _overlap(left, right)
    group, halves = blocks.group, blocks.n_groups
    count, total = np.bincount(group, minlength=sum(halves)), np.bincount(group, share, minlength=sum(halves))
    without = (share.sum() - total) / (share.size - count)
    null = np.empty(len(shuffles))
    for number, order in enumerate(shuffles):
        place = np.argsort(order)  # which of left's passages goes with a passage of right
        null[number] = _overlap(left, place[right[order]]).mean()
    return Measured(Sampled(float(share.mean()), without, halves), null)


def _overlap(left: Index, right: Index) -> NDArray[np.float64]:
    same: NDArray[np.float64] = (left[:, :, None] == right[:, None, :]).sum(axis=(1, 2)) / left.shape[1]
    return same
