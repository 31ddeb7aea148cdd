"""Partners chosen on one half of the articles and scored on the other, both ways round (protocol 3.3).

A maximum over thousands of correlations is too high by construction (the winner's curse); its value on articles that
did not choose it is not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Activity
from samedream.comparison.blocks import Blocks
from samedream.comparison.correlation import Side, pair_correlation, panels, side

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Halves = tuple[Side, Side]


@dataclass(frozen=True)
class Matching:
    """The partners of one side's eligible features, in numbers of the other side's eligible features.

    Attributes:
        partner: The partner to show: chosen on one half or the other, whichever has the higher r over both halves,
            int64 ``[features]``.
        r_first: r of the partner chosen on half 1, scored on half 2, float64 ``[features]``.
        r_second: r of the partner chosen on half 2, scored on half 1.
        r: Their mean: the held-out correlation.
        without: r with each group of articles left out and partners kept, float64 ``[groups, features]``; the groups of
            half 1 come first.
        chosen: The partners chosen on half 1, and those chosen on half 2, each int64 ``[features]``.
    """

    partner: Index
    r_first: Floats
    r_second: Floats
    r: Floats
    without: Floats
    chosen: tuple[Index, Index]


def halves_of(activity: Activity, blocks: Blocks) -> Halves:
    """The two halves of one side, ready to be correlated."""
    first, second = (side(sparse.csr_array(activity.matrix[half.rows])) for half in blocks.halves)
    return first, second


def select(left: Side, right: Side) -> tuple[Index, Index]:
    """The best partner of every feature of both sides on one half, in one pass over all pairs.

    Args:
        left: ``[passages, left features]``.
        right: The same passages, ``[passages, right features]``.

    Returns:
        For each left feature its right partner, for each right feature its left partner; ties go to the lower number.
    """
    of_left = np.zeros(left.features, dtype=np.int64)
    of_right = np.zeros(right.features, dtype=np.int64)
    best = np.full(right.features, -np.inf, dtype=np.float32)
    everywhere = np.arange(right.features)
    for chosen, r in panels(left, right):
        of_left[chosen] = r.argmax(axis=1)
        row = r.argmax(axis=0)
        value = r[row, everywhere]
        better = value > best
        best[better] = value[better]
        of_right[better] = row[better] + chosen.start
    return of_left, of_right


def score(left: Halves, right: Halves, chosen: tuple[Index, Index], *, blocks: Blocks) -> Matching:
    """Score partners on the half that did not choose them.

    Args:
        left: The side whose features look for partners.
        right: The side that has them.
        chosen: Partners chosen on half 1, and on half 2, each ``[left features]``.
        blocks: The halves and their groups.
    """
    pairs = [
        [
            pair_correlation(left[h], right[h], partner, groups=half.groups, n_groups=half.n_groups)
            for h, half in enumerate(blocks.halves)
        ]
        for partner in chosen
    ]
    r_first, without_second = pairs[0][1]  # chosen on half 1, scored on half 2
    r_second, without_first = pairs[1][0]
    both = [pair[0][0] + pair[1][0] for pair in pairs]
    without = np.concatenate([(without_first + r_first) / 2, (without_second + r_second) / 2])
    return Matching(
        partner=np.where(both[1] > both[0], chosen[1], chosen[0]),
        r_first=r_first,
        r_second=r_second,
        r=(r_first + r_second) / 2,
        without=without,
        chosen=chosen,
    )


def match(left: Halves, right: Halves, blocks: Blocks) -> tuple[Matching, Matching]:
    """Partners and held-out correlations of all features of both sides: left to right, and right to left."""
    first, second = (select(left[h], right[h]) for h in (0, 1))
    return (
        score(left, right, (first[0], second[0]), blocks=blocks),
        score(right, left, (first[1], second[1]), blocks=blocks),
    )
