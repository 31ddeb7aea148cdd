"""What a feature finds in the other model once its partner is taken away: other features of its topic, say.

A random twin may know less of the topics than a trained model's other features do. Features that the models do not
share then match better than in a twin, and the twin alone would let them pass for shared (LOG.md, 2026-11-26).
"""

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.arena import Arena
from samedream.comparison.candidates import NEAREST, Candidates
from samedream.comparison.estimates import Direction
from samedream.comparison.matching import Matching, score

RANK = 4  # further copies of one concept are few, features of one topic are many

Index = NDArray[np.int64]


def kin(arena: Arena, source: str, target: str) -> Direction | None:
    """How `source`'s features are found in `target` by the fourth nearest of the features that are not their partner.

    Their partners on either half, and features whose own partner they are, are taken away first: those may be the same
    concept again. The fourth nearest of the rest is chosen on one half and scored on the other, both ways round.
    None where `target` has fewer than 32 features: the nearest that are left may be no kin at all, or the partner.
    """
    if arena.sides[target].eligible.size < NEAREST:
        return None
    forth, back = arena.matching(source, target), arena.matching(target, source)
    relatives = [relative(half.partner, forth, back) for half in forth.candidates]
    chosen = [Candidates(partner[:, None], np.zeros((partner.size, 1), dtype=np.float32)) for partner in relatives]
    left, right = arena.halves(source), arena.halves(target)
    scored = score(left, right, (chosen[0], chosen[1]), blocks=arena.blocks)
    nothing = np.zeros_like(scored.r)
    halves = arena.blocks.n_groups
    return Direction(r=scored.r, without=scored.without, threshold=nothing, chance=nothing, halves=halves)


def relative(nearest: Index, forth: Matching, back: Matching) -> Index:
    """The fourth of each feature's nearest that are no partner of it, or the last where there are fewer.

    Args:
        nearest: Features of the other side, the nearest first, int64 ``[features, n]``.
        forth: Partners of these features.
        back: Partners of the other side's features.
    """
    own = np.arange(len(nearest))[:, None]
    taken = np.zeros(nearest.shape, dtype=np.bool_)
    for chosen in forth.chosen:
        taken |= nearest == chosen[:, None]
    for chosen in back.chosen:
        taken |= chosen[nearest] == own
    place = np.cumsum(~taken, axis=1)
    enough = place[:, -1] >= RANK
    column = np.where(enough, (place >= RANK).argmax(axis=1), nearest.shape[1] - 1)
    found: Index = nearest[own[:, 0], column]
    return found
