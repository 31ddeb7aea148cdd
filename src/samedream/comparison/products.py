"""Products of two sparse activities: ``X^T Y``, a panel of left features at a time, and sums of chosen pairs by group.

One thread takes a left feature, walks through its passages and adds each passage's right activity to a row of sums that
stays in its cache: one multiply-add for each pair of features that fire in a passage, ``sum_t k_left(t) k_right(t)`` in
all (protocol 3.10), and nothing is ever sorted or stored sparse. The same bits whatever the number of threads.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Arrays = tuple[Any, Any, Float32s]
"""A sparse matrix: where each column (or row) begins, the places in it, the values."""


def compiled(function: Any) -> Any:
    """A kernel of loops as machine code, kept on disk; its `numba.prange` loops share the threads."""
    return numba.njit(cache=True, parallel=True, error_model="numpy")(function)


@compiled
def _add(columns: tuple[Any, Any, Float32s], rows: tuple[Any, Any, Float32s], out: Float32s) -> None:
    for feature in numba.prange(len(out)):
        for other in range(out.shape[1]):
            out[feature, other] = np.float32(0)
        for entry in range(columns[0][feature], columns[0][feature + 1]):
            passage, value = columns[1][entry], columns[2][entry]
            for at in range(rows[0][passage], rows[0][passage + 1]):
                out[feature, rows[1][at]] += value * rows[2][at]


def sums(left: Csr, right: Csr) -> Float32s:
    """Sums over passages of the products of activities.

    Args:
        left: CSC ``[passages, left features]``, float32.
        right: CSR ``[passages, right features]``, float32, the same passages.

    Returns:
        float32 ``[left features, right features]``.
    """
    out = np.empty((left.shape[1], right.shape[1]), np.float32)
    _add(arrays(left), arrays(right), out)
    return out


@compiled
def _correlate(out: Float32s, totals: Float32s, means: Float32s, inverse: tuple[Float32s, Float32s]) -> None:
    own, others = inverse
    for feature in numba.prange(len(out)):
        for other in range(out.shape[1]):
            out[feature, other] = (out[feature, other] - totals[feature] * means[other]) * others[other] * own[feature]


def to_correlations(found: Float32s, totals: Floats, means: Floats, *, inverse: tuple[Floats, Floats]) -> None:
    """Make sums of products correlations, in place: ``(S_ij - total_i mean_j) inverse_i inverse_j``.

    Args:
        found: `sums`, ``[left features, right features]``.
        totals: Sum of each left feature.
        means: Mean of each right feature.
        inverse: ``1 / (sqrt(n) sigma)`` of left and of right features.
    """
    own, others = (side.astype(np.float32) for side in inverse)
    _correlate(found, totals.astype(np.float32), means.astype(np.float32), (own, others))


def arrays(matrix: Csr) -> Arrays:
    """What a kernel needs of a CSR or CSC matrix."""
    return matrix.indptr, matrix.indices, matrix.data


@compiled
def _add_by_group(left: Arrays, right: Arrays, given: tuple[Index, Index], out: Floats) -> None:
    partner, groups = given
    for feature in numba.prange(out.shape[2]):
        at, end = left[0][feature], left[0][feature + 1]
        other, stop = right[0][partner[feature]], right[0][partner[feature] + 1]
        while at < end or other < stop:  # both in the order of passages
            passage = left[1][at] if at < end else right[1][other]
            if other < stop and right[1][other] < passage:
                passage = right[1][other]
            x = y = 0.0
            if at < end and left[1][at] == passage:
                x = np.float64(left[2][at])
                at += 1
            if other < stop and right[1][other] == passage:
                y = np.float64(right[2][other])
                other += 1
            group = groups[passage]
            out[0, group, feature] += x
            out[1, group, feature] += y
            out[2, group, feature] += x * x
            out[3, group, feature] += y * y
            out[4, group, feature] += x * y


def group_sums(left: Csr, right: Csr, partner: Index, *, groups: Index, n_groups: int) -> Floats:
    """Sums of x, y, x squared, y squared and x times y of pairs of features, in each group of passages.

    Args:
        left: CSC ``[passages, left features]``, float32, sorted.
        right: CSC ``[passages, right features]``, float32, sorted, the same passages.
        partner: The right feature of each left feature, int64 ``[left features]``.
        groups: The group of each passage, int64 ``[passages]``.
        n_groups: How many groups.

    Returns:
        float64 ``[5, n_groups, left features]``.
    """
    out = np.zeros((5, n_groups, left.shape[1]))
    _add_by_group(arrays(left), arrays(right), (partner, groups), out)
    return out
