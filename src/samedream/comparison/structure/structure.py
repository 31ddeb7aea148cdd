"""How the features of two dictionaries go together beyond best partners: who is assigned to whom, and what is split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.arena import Arena
from samedream.comparison.decoys import competition_q
from samedream.comparison.matching import Halves, Matching
from samedream.comparison.nulls import Null
from samedream.comparison.structure.assignment import ALONE, Assignment, Party, one_to_one
from samedream.comparison.structure.both_halves import join, nearest_on_both, of_both_halves
from samedream.comparison.structure.parts import Explained, Needs, children, effective_passages, explain
from samedream.comparison.view import FALSE_DISCOVERY_RATE, View

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Structure:
    """One side's place in the whole; all in numbers of eligible features, its own and the other side's.

    Attributes:
        assigned: Its one-to-one assignment.
        explained: How the other side's features explain its own.
        children: Features that are split and their parts on the other side, int64 ``[pairs]`` each.
        parents: Features that are parts and what they are parts of, int64 ``[pairs]`` each.
        split_in_twin: How many of its features are split in the other model's random twin; None without one.
    """

    assigned: Assignment
    explained: Explained
    children: tuple[Index, Index]
    parents: tuple[Index, Index]
    split_in_twin: int | None

    @property
    def is_split(self) -> NDArray[np.bool_]:
        """Whether the other side has each feature in several, ``[features]``."""
        return np.bincount(self.children[0], minlength=self.explained.one.size) > 0

    @property
    def part_of(self) -> Index:
        """Of how many split features of the other side each feature is a part, int64 ``[features]``."""
        return np.bincount(self.parents[0], minlength=self.explained.one.size).astype(np.int64)


def structure(arena: Arena, a: View, b: View) -> tuple[Structure, Structure]:
    """The structure of left and right.

    Args:
        arena: Where left and right are.
        a: What left found in right.
        b: What right found in left.
    """
    halves = arena.halves("left"), arena.halves("right")
    bar = passing(a), passing(b)
    assigned = one_to_one(*(Party(h, v.found.matching, r) for h, v, r in zip(halves, (a, b), bar, strict=True)))
    needs = [Needs(r, effective_passages(view.activity)) for r, view in zip(bar, (a, b), strict=True)]
    matchings = a.found.matching, b.found.matching
    twins = a.decoy is not None
    found = (
        _split(halves, matchings, a.found.null, needs=(needs[0], needs[1]), twins=twins),
        _split(halves[::-1], matchings[::-1], b.found.null, needs=(needs[1], needs[0]), twins=twins),
    )
    in_twin = (
        _in_twin(arena, a, needs[0], names=("left", "right_floor")),
        _in_twin(arena, b, needs[1], names=("right", "left_floor")),
    )
    first, second = (Structure(assigned[own], *found[own], _turned(*found[1 - own][1]), in_twin[own]) for own in (0, 1))
    return first, second


def _split(
    sides: tuple[Halves, Halves],
    matchings: tuple[Matching, Matching],
    null: Null,
    *,
    needs: tuple[Needs, Needs],
    twins: bool,
) -> tuple[Explained, tuple[Index, Index]]:
    """How the features of the first side are explained, and their parts on the other: found twice, or on both halves.

    Args:
        sides: The side that is explained, and the other one.
        matchings: What the first found in the second, and the other way round.
        null: What the first finds in the second's shuffled articles.
        needs: Of both sides.
        twins: Whether the bars know of random twins. Without them a feature of the same topic would pass for a part too
            rare to be chosen twice (planted: precision .75), so none are looked for.
    """
    here, there = sides
    found = explain(here, there, matchings[0], null.largest)
    if not twins:
        return found, children(found, *needs)
    near = nearest_on_both(here, there, matchings[0].candidates)
    best = nearest_on_both(there, here, matchings[1].candidates).best
    twice = children(found, *needs)
    together = of_both_halves(join(there, near, null), best, (needs[0].bar, needs[1].bar))
    pairs = np.unique(np.concatenate([twice, together], axis=1), axis=1)
    return found, (pairs[0], pairs[1])


def _in_twin(arena: Arena, side: View, needs: Needs, *, names: tuple[str, str]) -> int | None:
    """How many features the other model's random twin has in several, by the same rule."""
    if side.twin is None:
        return None
    twin = arena.sides[names[1]]
    there = Needs(np.full(twin.eligible.size, np.inf), effective_passages(twin))
    matchings = side.twin.matching, arena.matching(names[1], names[0])
    sides = arena.halves(names[0]), arena.halves(names[1])
    return int(np.unique(_split(sides, matchings, side.twin.null, needs=(needs, there), twins=True)[1][0]).size)


def passing(side: View) -> Floats:
    """The r above which each feature of a side passes the test, float64 ``[features]``; infinite where none does.

    The largest of three: the r in its stratum of firing rate that shuffled articles ask for, tau, and what the feature
    finds in a random twin with the least win over a twin that counts.
    """
    r, null = side.found.direction.r, side.found.null
    fails = stats.false_discovery_control(null.p_values(r)) > FALSE_DISCOVERY_RATE
    bar = null.threshold.copy()
    for number in np.unique(null.stratum[fails]):
        inside = null.stratum == number
        bar[inside] = np.maximum(bar[inside], r[inside & fails].max())
        if fails[inside].all():
            bar[inside] = np.inf
    if side.decoy is not None:
        loses = competition_q(r, side.decoy) > FALSE_DISCOVERY_RATE
        win = np.inf if loses.all() else (r - side.decoy)[loses].max(initial=0.0)
        bar = np.maximum(bar, side.decoy + win)
    return bar


def _turned(feature: Index, child: Index) -> tuple[Index, Index]:
    order = np.lexsort((feature, child))
    return child[order], feature[order]


def in_all(sides: tuple[View, View], found: tuple[Structure, Structure]) -> dict[str, Any]:
    """Figures of both sides' structure.

    Returns:
        ``assigned``: ``pairs``, how many; ``mean_r``, their held-out correlation, None without any; ``share`` of the
        eligible features of each side. ``a`` and ``b``: what of the side is split. ``split``: features that the other
        side has in several; ``parts``: how many features of the other side those are; ``split_in_twin``: how many its
        random twin has so, None without one. ``r2_1``, ``r2_8``, ``splitting_gain``: means over the features that pass,
        of the R^2 of the nearest feature alone, of at most 8, and the difference; None where none passes.
    """
    assigned, sizes = found[0].assigned, [side.explained.one.size for side in found]
    pairs = int((assigned.partner != ALONE).sum())
    return {
        "assigned": {
            "pairs": pairs,
            "mean_r": float(np.nanmean(assigned.r)) if pairs else None,
            "share": {name: pairs / size for name, size in zip("ab", sizes, strict=True)},
        },
        "a": _splits(sides[0], found[0]),
        "b": _splits(sides[1], found[1]),
    }


def _splits(side: View, found: Structure) -> dict[str, Any]:
    passes = side.tested.passes
    r2 = found.explained.one, found.explained.many
    one, many = (float(of[passes].mean()) if passes.any() else None for of in r2)
    return {
        "split": int(found.is_split.sum()),
        "parts": int(np.unique(found.children[1]).size),
        "split_in_twin": found.split_in_twin,
        "r2_1": one,
        "r2_8": many,
        "splitting_gain": None if one is None or many is None else many - one,
    }
