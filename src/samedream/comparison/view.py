"""One direction of a comparison: what the features of one side find in the other, in their repeat, in the twins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.activity import Activity
from samedream.comparison.arena import Arena, Pairing
from samedream.comparison.estimates import Direction, larger
from samedream.comparison.nulls import STRATUM_FEATURES, rank_p, strata, stratum_edges

FALSE_DISCOVERY_RATE = 0.05

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tested:
    """p-values, Benjamini-Hochberg q-values and whether q is at most .05, each ``[eligible features]``."""

    p: Floats
    q: Floats
    passes: Mask


@dataclass(frozen=True)
class View:
    """What the features of `activity` find.

    Attributes:
        activity: The side that looks.
        found: In the other model.
        tested: Whether it is more than chance, and more than a random twin gives.
        repeat: In the model's own repeat, or None.
        repeat_tested: The same test of the repeat, or None.
        twin: In the other model's random twin, or None.
        floor: The larger of the floors (this side to the twin, twin to twin), or None.
    """

    activity: Activity
    found: Pairing
    tested: Tested
    repeat: Pairing | None
    repeat_tested: Tested | None
    twin: Pairing | None
    floor: Direction | None

    @property
    def ceiling(self) -> Direction | None:
        """How the features are found in their own repeat."""
        return self.repeat.direction if self.repeat else None


def view(arena: Arena, source: str, target: str) -> View:
    """Look from `source` ("left") to `target` ("right")."""
    found = arena.pairing(source, target)
    repeat = arena.pairing(source, f"{source}_repeat")
    twin = arena.pairing(source, f"{target}_floor")
    twins = arena.pairing(f"{source}_floor", f"{target}_floor")
    if found is None:
        raise AssertionError("left and right are always there")  # arena.enter has seen to it
    support = arena.sides[source].support
    floors = [(twin, support)] if twin else []
    if twins:
        floors.append((twins, arena.sides[f"{source}_floor"].support))
    pools = [_pools(pairing.direction.r, support, of_twin) for pairing, of_twin in floors]
    return View(
        activity=arena.sides[source],
        found=found,
        tested=_test(found, pools),
        repeat=repeat,
        repeat_tested=_test(repeat, pools) if repeat else None,
        twin=twin,
        floor=larger([pairing.direction for pairing, _ in floors]),
    )


def _pools(r: Floats, support: Index, of_twin: Index) -> tuple[Floats, ...]:
    """The twin's scores, sorted, in the strata of the side that looks; all of them where a stratum has too few.

    Args:
        r: Held-out r of a floor's features.
        support: Passages kept of each feature of the side that looks.
        of_twin: The same of the floor's features.
    """
    edges = stratum_edges(support)
    stratum = strata(of_twin, edges)
    inside = [r[stratum == number] for number in range(edges.size + 1)]
    return tuple(np.sort(part if part.size >= STRATUM_FEATURES / 2 else r) for part in inside)


def _test(pairing: Pairing, pools: list[tuple[Floats, ...]]) -> Tested:
    """Each feature's largest p over the nulls there are: shuffled articles, and each floor (protocol 3.4: "max-p").

    With the permutation null alone a match of two features that merely follow the same topic, or the same word, passes:
    so much a random twin has too. That is why a floor, where given, must be beaten as well.
    """
    r, stratum = pairing.direction.r, pairing.null.stratum
    p = pairing.null.p_values(r)
    for pool in pools:
        p = np.maximum(p, rank_p(r, stratum, pool))
    q: Floats = stats.false_discovery_control(p)
    return Tested(p=p, q=q, passes=q <= FALSE_DISCOVERY_RATE)
