"""Features inside other features: children, and how many children it takes to make up a parent (protocol 3.5).

A feature fires where it is above 20 % of its maximum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Csr, fires
from samedream.comparison.products import sums

INSIDE, BEYOND = 0.7, 0.3  # a child: its parent fires in most of its passages, it fires in few of its parent's
LIFT = 2.0  # and the parent fires there at least so many times as often as it does everywhere: "the" is no parent
PRECISION, COVERED = 0.5, 0.8  # what counts as a part, and how much of the parent the parts must cover
MIN_FIRINGS = 10  # rarer features take no part
_ROUNDING = 1e-9
_PANEL_BYTES = 32 * 2**20  # of float32 counts; the shares and masks made of them take several times that

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
Pairs = tuple[Index, Index, NDArray[np.float64]]
"""A feature of either side of each pair, and the passages in which both fire."""


@dataclass(frozen=True)
class Splits:
    """How the features of one dictionary lie in those of another.

    Attributes:
        child: Whether each inner feature is a child of some outer one, bool ``[inner features]``; False if too rare.
        number: Fewest inner features found that cover 80 % of an outer one's firings, each with at least half of its
            own firings there; 0 where no such set was found or the feature is too rare, int64 ``[outer features]``.
        inner: How many inner features are frequent enough.
        outer: How many outer ones.
    """

    child: Mask
    number: Index
    inner: int
    outer: int

    @property
    def child_share(self) -> float | None:
        """Children among the inner features that are frequent enough; None where there are none."""
        return float(self.child.sum()) / self.inner if self.inner else None


def splits(left: Csr, right: Csr) -> tuple[Splits, Splits]:
    """Look for the features of each side inside the other's.

    The set of parts is built greedily, the part that covers most of what is left first: it may be larger than the
    smallest there is, by a factor of at most ``1 + ln(largest part)`` (Chvátal 1979, doi:10.1287/moor.4.3.233).

    Args:
        left: Activity ``[passages, left features]``, CSR, at least 0, no stored zeros.
        right: Activity ``[passages, right features]``, the same passages.

    Returns:
        Left's features inside right's, right's inside left's.
    """
    x, y = _firing(left), _firing(right)
    i, j, both = _overlapping(x, y)
    return _splits(x, y, (i, j, both)), _splits(y, x, (j, i, both))


def _overlapping(x: Csr, y: Csr) -> Pairs:
    """Pairs that share at least half of the passages of one of the two: all that can be child or part."""
    of_x, of_y = np.diff(x.indptr), np.diff(y.indptr)
    rows = sparse.csr_array(y)
    panel = max(1, _PANEL_BYTES // (4 * max(1, of_y.size)))
    found = []
    for begin in range(0, of_x.size, panel):
        some = slice(begin, min(begin + panel, of_x.size))
        both = sums(sparse.csc_array(x[:, some]), rows)
        half = np.float32(PRECISION) * np.minimum(of_x[some, None], of_y).astype(np.float32)
        half[of_x[some] < MIN_FIRINGS] = half[:, of_y < MIN_FIRINGS] = np.inf
        i, j = np.nonzero(both >= half)
        found.append((i + begin, j, both[i, j].astype(np.float64)))
    i, j, shared = (np.concatenate(part) for part in zip(*found, strict=True))
    return i, j, shared


def _splits(x: Csr, y: Csr, pairs: Pairs) -> Splits:
    of_x, of_y = np.diff(x.indptr), np.diff(y.indptr)
    i, j, both = pairs
    inside, covered = both / of_x[i], both / of_y[j]
    above = inside >= LIFT * of_y[j] / x.shape[0]
    child, number = np.zeros(of_x.size, dtype=np.bool_), np.zeros(of_y.size, dtype=np.int64)
    child[i[above & (inside >= INSIDE) & (covered <= BEYOND)]] = True
    part = above & (inside >= PRECISION)
    most = np.bincount(j[part], weights=both[part], minlength=of_y.size)  # covered, if no two parts overlapped
    order = np.argsort(j[part], kind="stable")
    candidates = np.split(i[part][order], np.cumsum(np.bincount(j[part], minlength=of_y.size))[:-1])
    for parent in np.flatnonzero((most >= COVERED * of_y - _ROUNDING) & (of_y >= MIN_FIRINGS)):
        number[parent] = _parts(x, candidates[parent], _passages(y, int(parent)))
    frequent = of_x >= MIN_FIRINGS, of_y >= MIN_FIRINGS
    return Splits(child=child, number=number, inner=int(frequent[0].sum()), outer=int(frequent[1].sum()))


def _parts(x: Csr, candidates: Index, wanted: Index) -> int:
    """How many candidates cover 80 % of `wanted` passages, greedily; 0: not even all of them do."""
    left = np.zeros(x.shape[0], dtype=np.bool_)
    left[wanted] = True
    covered, count = 0, 0
    passages = [_passages(x, part) for part in candidates]
    while covered < COVERED * wanted.size - _ROUNDING:
        gains = [int(left[places].sum()) for places in passages]
        if max(gains, default=0) == 0:
            return 0
        best = passages.pop(int(np.argmax(gains)))
        left[best] = False
        covered, count = covered + max(gains), count + 1
    return count


def _firing(activity: Csr) -> Csr:
    """1 where a feature fires, CSC float32 with sorted rows."""
    matrix = sparse.csr_array(
        (fires(activity).astype(np.float32), activity.indices, activity.indptr), shape=activity.shape, copy=True
    )
    matrix.eliminate_zeros()
    columns = sparse.csc_array(matrix)
    columns.sort_indices()
    return columns


def _passages(columns: Csr, feature: int) -> Index:
    found: Index = columns.indices[columns.indptr[feature] : columns.indptr[feature + 1]].astype(np.int64)
    return found
