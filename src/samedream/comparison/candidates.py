"""The nearest features of every feature of both sides, in one pass over all correlations: what may be a partner at all.

All that chooses among features (the best partner, the one-to-one assignment, the parts of a split) chooses among these.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.correlation import Side, panels
from samedream.comparison.products import compiled

NEAREST = 32  # of every feature (protocol 3.3)
_COLUMNS = 64  # that a thread goes through together

Floats32 = NDArray[np.float32]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """The features of the other side that are most like each feature on one half, the most alike first.

    Attributes:
        partner: Their numbers, int64 ``[features, n]``, n = 32 or all of a narrower side; of equals the lower first.
        r: Their correlations, float32 ``[features, n]``.
    """

    partner: Index
    r: Floats32

    @property
    def best(self) -> Index:
        """The most alike, int64 ``[features]``."""
        nearest: Index = self.partner[:, 0]
        return nearest


@numba.njit(cache=True)
def _insert(partner: Index, r: Floats32, other: int, value: float) -> None:
    at = r.size - 1
    while at > 0 and r[at - 1] < value:
        r[at], partner[at] = r[at - 1], partner[at - 1]
        at -= 1
    r[at], partner[at] = value, other


@compiled
def _of_rows(panel: Floats32, partner: Index, r: Floats32) -> None:
    for row in numba.prange(panel.shape[0]):
        for column in range(panel.shape[1]):
            if panel[row, column] > r[row, -1]:
                _insert(partner[row], r[row], column, panel[row, column])


@compiled
def _of_columns(panel: Floats32, start: int, partner: Index, r: Floats32) -> None:
    for chunk in numba.prange((panel.shape[1] + _COLUMNS - 1) // _COLUMNS):
        for row in range(panel.shape[0]):
            for column in range(chunk * _COLUMNS, min((chunk + 1) * _COLUMNS, panel.shape[1])):
                if panel[row, column] > r[column, -1]:
                    _insert(partner[column], r[column], start + row, panel[row, column])


def nearest(left: Side, right: Side) -> tuple[Candidates, Candidates]:
    """The nearest features of every feature of both sides on one half.

    Args:
        left: ``[passages, left features]``.
        right: The same passages, ``[passages, right features]``.

    Returns:
        Candidates on the right of the left features, and on the left of the right features.
    """
    of_left, of_right = _nothing(left.features, right.features), _nothing(right.features, left.features)
    for chosen, r in panels(left, right):
        _of_rows(r, of_left.partner[chosen], of_left.r[chosen])
        _of_columns(r, chosen.start, of_right.partner, of_right.r)
    return of_left, of_right


def _nothing(features: int, others: int) -> Candidates:
    shape = features, min(NEAREST, others)
    return Candidates(partner=np.zeros(shape, dtype=np.int64), r=np.full(shape, -np.inf, dtype=np.float32))
