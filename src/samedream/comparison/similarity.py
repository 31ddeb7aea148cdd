"""How alike two features are, each measure by itself: on the passages where they fire, and on their strongest passages.

Measured over all passages for pairs that were chosen by correlation (`matching`): figures to read a pair by; no partner
was chosen for them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from samedream.comparison.activity import THETA_SHARE, Csr

STRONGEST = 50  # passages of a feature that weighted Jaccard compares (protocol 3.2)

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Pairs = tuple[Index, Index]
"""The left and the right feature of each pair."""


@dataclass(frozen=True)
class Overlap:
    """How the passages where two features fire lie to each other; a feature fires above 20 % of its maximum.

    Attributes:
        right_given_left: ``P(right fires | left fires)`` of each pair, float64 ``[pairs]``; 0 where left never fires.
        left_given_right: The other way round.
        phi: Pearson correlation of firing and not firing; 0 where one of the two always or never fires.
        chance: Probability that features of these firing rates fire together in as many passages by chance.
    """

    right_given_left: Floats
    left_given_right: Floats
    phi: Floats
    chance: Floats


def overlap(left: Csr, right: Csr, pairs: Pairs) -> Overlap:
    """Containment both ways, phi and the analytic screen of pairs of features.

    The screen: ``P(X >= both)``, X hypergeometric, passages independent (null N0 of protocol 3.4).

    Args:
        left: Activity ``[passages, left features]``.
        right: Activity ``[passages, right features]``, the same passages.
        pairs: Which.
    """
    x, y = _fires(left, pairs[0]), _fires(right, pairs[1])
    n = float(left.shape[0])
    both, of_x, of_y = (np.asarray(m.sum(axis=0), dtype=np.float64).ravel() for m in (x.multiply(y), x, y))
    spread = of_x * (n - of_x) * of_y * (n - of_y)
    defined = spread > 0
    return Overlap(
        right_given_left=both / np.maximum(of_x, 1),
        left_given_right=both / np.maximum(of_y, 1),
        phi=np.where(defined, (n * both - of_x * of_y) / np.sqrt(np.where(defined, spread, 1.0)), 0.0),
        chance=np.asarray(stats.hypergeom.sf(both - 1, n, of_x, of_y)),
    )


def weighted_jaccard(left: Csr, right: Csr, pairs: Pairs) -> Floats:
    """``sum_t min(u_t, v_t) / sum_t max(u_t, v_t)`` of pairs, u and v a feature's 50 strongest passages (protocol 3.2).

    Args:
        left: Activity ``[passages, left features]``.
        right: Activity ``[passages, right features]``, the same passages.
        pairs: Which.

    Returns:
        float64 ``[pairs]``: 1 for the same passages with the same shares of activity, 0 for none in common or where a
        feature never fires.
    """
    x, y = strongest_shares(left, pairs[0]), strongest_shares(right, pairs[1])
    least, most = (np.asarray(matrix.sum(axis=0)).ravel() for matrix in (x.minimum(y), x.maximum(y)))
    found: Floats = least / np.maximum(most, 1e-300)
    return found


def strongest_shares(activity: Csr, features: Index) -> Csr:
    """Each feature's 50 strongest passages with their share of its activity there.

    Args:
        activity: ``[passages, all features]``.
        features: Which.

    Returns:
        CSC float64 ``[passages, features]``, columns that sum to 1 (0 where a feature never fires).
    """
    matrix = sparse.csc_array(activity[:, features], dtype=np.float64)
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        values = matrix.data[start:end]
        if values.size > STRONGEST:
            least = np.partition(values, -STRONGEST)[-STRONGEST]
            equal = np.flatnonzero(values == least)  # equally strong ones: the earlier passages
            values[equal[STRONGEST - int((values > least).sum()) :]] = 0.0
            values[values < least] = 0.0
        values /= max(float(values.sum()), 1e-300)
    return matrix


def _fires(activity: Csr, features: Index) -> Csr:
    """1 where a feature is above 20 % of its maximum, CSC ``[passages, features]``."""
    matrix = sparse.csc_array(activity[:, features], dtype=np.float64)
    maximum = matrix.max(axis=0).toarray().ravel()
    matrix.data = (matrix.data > THETA_SHARE * np.repeat(maximum, np.diff(matrix.indptr))).astype(np.float64)
    return matrix
