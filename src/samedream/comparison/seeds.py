"""How much a figure would change with another seed of either dictionary, from the two that each model has."""

import numpy as np

from samedream.comparison.arena import Arena, Pairing
from samedream.comparison.nulls import calibrated, strata, stratum_edges


def seed_variance(arena: Arena, source: str, target: str, found: Pairing) -> float | None:
    """Variance of the universality of `source` in `target` over dictionary seeds; None unless both have a repeat.

    Each model's two dictionaries are crossed with the other's: ``U_ij``, i the seed of source, j of target. With
    effects of either seed and of the pair (crossed random effects, two levels each) the variance of one U_ij is without
    bias ``(d_a^2 + d_b^2) / 2``, d_a and d_b the differences of the means over j and over i. From two seeds each it is
    rough.

    Args:
        arena: The sides.
        source: "left" or "right".
        target: The other.
        found: Their pairing; its thresholds serve all four crossings.
    """
    sources, targets = ((name, f"{name}_repeat") for name in (source, target))
    if sources[1] not in arena.sides or targets[1] not in arena.sides:
        return None
    support = arena.sides[source].support
    edges = stratum_edges(support)
    bars = {int(number): float(tau) for number, tau in zip(found.null.stratum, found.null.threshold, strict=True)}
    u = np.empty((2, 2))
    for i, one in enumerate(sources):
        threshold = np.array([bars[int(number)] for number in strata(arena.sides[one].support, edges)])
        for j, other in enumerate(targets):
            u[i, j] = calibrated(arena.matching(one, other).r, threshold).mean()
    return crossed_variance(u)


def crossed_variance(u: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> float:
    """``(d_a^2 + d_b^2) / 2`` of a figure for two seeds of one side (rows) by two of the other (columns)."""
    rows, columns = u.mean(axis=1), u.mean(axis=0)
    return float((rows[0] - rows[1]) ** 2 + (columns[0] - columns[1]) ** 2) / 2
