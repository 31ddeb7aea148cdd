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
from samedream.comparison.candidates import Candidates, nearest
from samedream.comparison.correlation import Side, pair_correlation, side

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
        candidates: What the partners were chosen from: the nearest features on half 1, and on half 2.
    """

    partner: Index
    r_first: Floats
    r_second: Floats
    r: Floats
    without: Floats
    candidates: tuple[Candidates, Candidates]

    @property
    def chosen(self) -> tuple[Index, Index]:
        """The partners chosen on half 1, and those chosen on half 2, each int64 ``[features]``."""
        first, second = self.candidates
        return first.best, second.best


def halves_of(activity: Activity, blocks: Blocks) -> Halves:
    """The two halves of one side, ready to be correlated."""
    first, second = (side(sparse.csr_array(activity.matrix[half.rows])) for half in blocks.halves)
    return first, second


def score(left: Halves, right: Halves, candidates: tuple[Candidates, Candidates], *, blocks: Blocks) -> Matching:
    """Score partners on the half that did not choose them.

    Args:
        left: The side whose features look for partners.
        right: The side that has them.
        candidates: The features of the right that are nearest on half 1, and on half 2; the first is the partner.
        blocks: The halves and their groups.
    """
    chosen = candidates[0].best, candidates[1].best
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
        candidates=candidates,
    )


def match(left: Halves, right: Halves, blocks: Blocks) -> tuple[Matching, Matching]:
    """Partners and held-out correlations of all features of both sides: left to right, and right to left."""
    first, second = (nearest(left[h], right[h]) for h in (0, 1))
    return (
        score(left, right, (first[0], second[0]), blocks=blocks),
        score(right, left, (first[1], second[1]), blocks=blocks),
    )
