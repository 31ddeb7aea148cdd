"""Sums of what words do not predict of pairs of features, by group of passages: one pass over each pair's passages.

One thread lays a pair out over the passages, takes its words off, and adds up; two rows of passages are all it needs.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.products import Arrays, arrays, compiled

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@compiled
def _add(sides: tuple[Arrays, Arrays, Arrays], given: tuple[Index, Index, Index], weight: Floats, out: Floats) -> None:
    left, right, words = sides
    partner, lists, groups = given
    for feature in numba.prange(out.shape[2]):
        x, y = np.zeros(groups.size), np.zeros(groups.size)
        for at in range(left[0][feature], left[0][feature + 1]):
            x[left[1][at]] += np.float64(left[2][at])
        for at in range(right[0][partner[feature]], right[0][partner[feature] + 1]):
            y[right[1][at]] += np.float64(right[2][at])
        for k in range(lists.shape[1]):
            word = lists[feature, k]
            for at in range(words[0][word], words[0][word + 1]):
                x[words[1][at]] -= weight[0, feature, k] * words[2][at]
                y[words[1][at]] -= weight[1, feature, k] * words[2][at]
        own = np.zeros((out.shape[1], 5))  # stays in the cache; `out` would not
        for passage in range(groups.size):
            one, two, group = x[passage], y[passage], groups[passage]
            own[group, 0] += one
            own[group, 1] += two
            own[group, 2] += one * one
            own[group, 3] += two * two
            own[group, 4] += one * two
        for group in range(out.shape[1]):
            for kind in range(5):
                out[kind, group, feature] = own[group, kind]


def residual_sums(
    sides: tuple[Any, Any, Any], partner: Index, *, lists: Index, weight: Floats, groups: Index, n_groups: int
) -> Floats:
    """Sums of x, y, x squared, y squared and x times y, in each group, of pairs with words taken off.

    Args:
        sides: Left features, right features and words, each CSC ``[passages, ...]``, float32.
        partner: The right feature of each left feature, int64 ``[left features]``.
        lists: The words of each pair, int64 ``[left features, k]``.
        weight: How much of each word is taken off the left and the right feature, float64 ``[2, left features, k]``.
        groups: The group of each passage, int64 ``[passages]``.
        n_groups: How many groups.

    Returns:
        float64 ``[5, n_groups, left features]``.
    """
    out = np.zeros((5, n_groups, partner.size))
    left, right, words = (arrays(side) for side in sides)
    _add((left, right, words), (partner, lists, groups), weight, out)
    return out
