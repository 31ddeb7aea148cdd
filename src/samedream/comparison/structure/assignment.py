"""One-to-one assignment: at most one partner each, no partner twice, and the freedom to stay alone (protocol 3.3).

The best partner of a feature may be the best of many; here they compete. Among the 32 nearest of every row and column
the sum of ``r - max(bar_i, bar_j)`` over the assigned pairs is made as large as it can be. A bar is the r above which
a feature passes the test: the price of not staying alone. Each half of the articles assigns on its own; a pair is
scored on the half that did not choose it (the mean of both where both did), and those scores decide where the halves
disagree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from samedream.comparison.candidates import Candidates
from samedream.comparison.correlation import of_pairs
from samedream.comparison.matching import Halves, Matching

ALONE = -1

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Party:
    """One side of the assignment.

    Attributes:
        halves: Its activity on both halves.
        matching: What its features found on the other side.
        bar: The r above which each of its features passes, float64 ``[features]``; infinite where none does.
    """

    halves: Halves
    matching: Matching
    bar: Floats


@dataclass(frozen=True)
class Assignment:
    """One side's partners in the one-to-one assignment, in numbers of the other side's eligible features.

    Attributes:
        partner: int64 ``[features]``, -1 for a feature that stays alone.
        r: Held-out correlation with it, float64 ``[features]``; NaN where alone.
    """

    partner: Index
    r: Floats


def assign(candidates: tuple[Candidates, Candidates], bars: tuple[Floats, Floats]) -> Index:
    """The assignment of one half: largest sum of ``r - max(bar_i, bar_j)``.

    Args:
        candidates: Of the left features on the right, and of the right features on the left.
        bars: The r that left and right features must be above.

    Returns:
        The right feature of each left feature, int64 ``[left features]``, -1 for none.
    """
    of_left, of_right = (side.partner for side in candidates)
    left = np.concatenate([np.repeat(np.arange(len(of_left)), of_left.shape[1]), of_right.ravel()])
    right = np.concatenate([of_left.ravel(), np.repeat(np.arange(len(of_right)), of_right.shape[1])])
    r = np.concatenate([side.r.ravel() for side in candidates]).astype(np.float64)
    return best_matching(
        left, right, r - np.maximum(bars[0][left], bars[1][right]), shape=(len(of_left), len(of_right))
    )


def best_matching(left: Index, right: Index, gain: Floats, *, shape: tuple[int, int]) -> Index:
    """The matching of largest total gain, of edges whose gain is above 0; nobody has to be matched.

    Each left feature has a dummy of its own, of gain 0; the full matching of largest weight of that sparse graph
    (LAPJVsp, Jonker & Volgenant 1987) is then the best partial one.

    Args:
        left: The left end of each edge, int64 ``[edges]``; an edge may come twice.
        right: The right end.
        gain: float64 ``[edges]``.
        shape: How many left and right features there are.

    Returns:
        The right feature of each left feature, int64 ``[left features]``, -1 for none.
    """
    lefts, rights = shape
    _, once = np.unique(left * rights + right, return_index=True)
    edge = once[gain[once] > 0]
    dummy = np.arange(lefts)
    weight = np.concatenate([1 + gain[edge], np.ones(lefts)])  # 0 would be no edge; each left feature has one, so + 1
    ends = np.concatenate([left[edge], dummy]), np.concatenate([right[edge], rights + dummy])
    graph = sparse.csr_array((weight, ends), shape=(lefts, rights + lefts))
    chosen = min_weight_full_bipartite_matching(graph, maximize=True)[1]
    matched: Index = np.where(chosen < rights, chosen, ALONE).astype(np.int64)
    return matched


def one_to_one(left: Party, right: Party) -> tuple[Assignment, Assignment]:
    """The one-to-one assignment, as left and as right see it."""
    chosen = [
        assign((left.matching.candidates[h], right.matching.candidates[h]), (left.bar, right.bar)) for h in (0, 1)
    ]
    first, second = (_held_out(left, right, chosen[h], at=1 - h) for h in (0, 1))
    twice = chosen[0] == chosen[1]
    first, second = np.where(twice, (first + second) / 2, first), np.where(twice, (first + second) / 2, second)
    ends = [np.flatnonzero(partner != ALONE) for partner in chosen]
    i, j = np.concatenate(ends), np.concatenate([chosen[h][ends[h]] for h in (0, 1)])
    gain = np.concatenate([first[ends[0]], second[ends[1]]]) - np.maximum(left.bar[i], right.bar[j])
    partner = best_matching(i, j, gain, shape=(left.bar.size, right.bar.size))
    r = np.where(partner == ALONE, np.nan, np.where(partner == chosen[0], first, second))
    back, back_r = np.full(right.bar.size, ALONE, dtype=np.int64), np.full(right.bar.size, np.nan)
    paired = np.flatnonzero(partner != ALONE)
    back[partner[paired]], back_r[partner[paired]] = paired, r[paired]
    return Assignment(partner=partner, r=r), Assignment(partner=back, r=back_r)


def _held_out(left: Party, right: Party, partner: Index, *, at: int) -> Floats:
    """Correlation of each left feature with its partner on half `at`; whatever where it has none."""
    return of_pairs(left.halves[at], right.halves[at], np.maximum(partner, 0))
