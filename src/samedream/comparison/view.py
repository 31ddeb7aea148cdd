"""One direction of a comparison: what the features of one side find in the other, in their repeat, in the twins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.activity import Activity
from samedream.comparison.arena import Arena, Pairing
from samedream.comparison.carry import Carried, carried
from samedream.comparison.decoys import competition_q
from samedream.comparison.estimates import Direction, larger
from samedream.comparison.kin import kin
from samedream.comparison.meaning import Alike, Profiles, alike, profiles
from samedream.comparison.seeds import seed_variance

FALSE_DISCOVERY_RATE = 0.05

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tested:
    """p-values, q-values and whether q is at most .05, each ``[eligible features]``."""

    p: Floats
    q: Floats
    passes: Mask


@dataclass(frozen=True)
class View:
    """What the features of `activity` find.

    Attributes:
        source: The side that looks ("left").
        target: Where it looks ("right").
        activity: Of the side that looks.
        found: In the other model.
        tested: Whether it is more than chance, and more than a random twin gives.
        repeat: In the model's own repeat, or None.
        repeat_tested: The same test of the repeat, or None.
        twin: In the other model's random twin, or None.
        decoy: r of each feature in the better of the two models' twins, or None.
        seed_variance: Of the universality, over dictionary seeds; 0 where it cannot be told.
        floor: The larger of the floors (this side to the twin, twin to twin), or None.
        kin: What it finds in the other model without its partner (`kin`), or None where there are too few features.
        frozen: In the other model's dictionary of random directions, or None.
        carried: Its decoder directions in the other model's space, or None without states and decoders.
        profiles: What the strongest passages of its features mean, or None without an embedding.
    """

    source: str
    target: str
    activity: Activity
    found: Pairing
    tested: Tested
    repeat: Pairing | None
    repeat_tested: Tested | None
    twin: Pairing | None
    decoy: Floats | None
    seed_variance: float
    floor: Direction | None
    kin: Direction | None
    frozen: Pairing | None
    carried: Carried | None
    profiles: Profiles | None

    @property
    def unshared(self) -> Direction | None:
        """How features that the models do not share would match: as in a twin, or as kin where kin match better.

        None without a twin. The shared fraction's alpha is of these. What twins find in each other is no part of it:
        that is of other features, and read shares of .3 as .15 to .22 where features are noisy (LOG.md, 2026-11-26).
        """
        if self.twin is None or self.kin is None:
            return self.over_twins
        return max((self.twin.direction, self.kin), key=lambda direction: float(direction.r.mean()))

    @property
    def over_twins(self) -> Direction | None:
        """How these features match the other model's random twin, the weaker assumption of what is not shared."""
        return self.twin.direction if self.twin else None

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
    embedding = arena.context.embedding
    decoy = _decoy(arena, source, target)
    tested = _test(found, decoy)
    return View(
        source=source,
        target=target,
        activity=arena.sides[source],
        found=found,
        tested=tested,
        repeat=repeat,
        repeat_tested=_test(repeat, decoy) if repeat else None,
        twin=twin,
        decoy=decoy,
        seed_variance=seed_variance(arena, source, target, found) or 0.0,
        floor=larger(_floors(arena, source, twin, twins=twins)),
        kin=kin(arena, source, target),
        frozen=arena.pairing(source, f"{target}_frozen"),
        carried=carried(arena, source, target, passes=tested.passes),
        profiles=profiles(arena.sides[source], arena.blocks, embedding) if embedding is not None else None,
    )


def mutual(here: View, there: View) -> Mask:
    """Whether each eligible feature's partner has it as its own partner."""
    partner = here.found.matching.partner
    is_mutual: Mask = there.found.matching.partner[partner] == np.arange(partner.size)
    return is_mutual


def in_meaning(here: View, there: View) -> Alike | None:
    """How alike the exemplars of each eligible feature and its partner are in meaning; None without an embedding."""
    if here.profiles is None or there.profiles is None:
        return None
    return alike(here.profiles, there.profiles, here.found.matching.partner, support=there.activity.support)


def _floors(arena: Arena, source: str, twin: Pairing | None, *, twins: Pairing | None) -> list[Direction]:
    """What these features find in the other's twin, and what their own twin's features find there.

    A twin may have few features that fire often enough, and those follow the words that every passage begins with: a
    mean over them alone is of another kind of feature than the figure it is a floor of. So the twin's rare features
    count as matching nothing until it has as large a part of its dictionary in the mean as the model has, but no more
    features than the model. The model's dead features are no part of its dictionary: adding some changes nothing.
    """
    floors = [twin.direction] if twin else []
    if twins:
        side, features = arena.sides[source], arena.sides[f"{source}_floor"].features
        alive = int((side.fired > 0).sum())
        filled = twins.direction.filled(min(side.eligible.size, round(side.eligible.size / alive * features)))
        floors.append(filled)
    return floors


def _decoy(arena: Arena, source: str, target: str) -> Floats | None:
    """The better of what each feature finds in the two models' twins, or in the one there is; None without a twin.

    Both twins stand in, because a twin may have few features that fire often enough, and few are easy to beat.
    """
    twins = [name for name in (f"{target}_floor", f"{source}_floor") if name in arena.sides]
    return np.max([arena.matching(source, twin).r for twin in twins], axis=0) if twins else None


def _test(pairing: Pairing, decoy: Floats | None) -> Tested:
    """P against shuffled articles, and the larger q of two: Benjamini-Hochberg's of p, and that of the win over a twin.

    With the permutation null alone a match of two features that merely follow the same topic, or the same word, passes:
    so much a random twin has too. What one twin finds in the other is a floor of the whole figure, not of a feature: a
    twin's features are nearly single tokens, and tokens match (measured in LOG.md, 2026-11-23).
    """
    r = pairing.direction.r
    p = pairing.null.p_values(r)
    q: Floats = stats.false_discovery_control(p)
    if decoy is not None:
        q = np.maximum(q, competition_q(r, decoy))
    return Tested(p=p, q=q, passes=q <= FALSE_DISCOVERY_RATE)
