"""The arithmetic of the written comparison: shares with intervals, and what chance would give."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from samedream.records import Interval

DRAWS = 1000  # of the bootstrap
CONFIDENCE = 0.95

Floats = NDArray[np.float64]


def wilson(hits: float, of: int, tests: int = 1) -> Interval:
    """A share with its Wilson score interval (Wilson 1927, J. Am. Stat. Assoc. 22).

    Args:
        hits: How many; a part of one counts as a part.
        of: Of how many, at least 1.
        tests: Intervals that are judged at once: each is as much wider (Bonferroni).
    """
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / tests)
    share, square = hits / of, z * z / of
    centre = (share + square / 2) / (1 + square)
    reach = z / (1 + square) * float(np.sqrt(share * (1 - share) / of + square / (4 * of)))
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach), CONFIDENCE)


def difference(hits: tuple[int, int], of: tuple[int, int], tests: int = 1) -> Interval:
    """Difference of two independent shares, first less second (Newcombe 1998, Stat. Med. 17: method 10).

    Args:
        hits: How many of each.
        of: Of how many, at least 1 each.
        tests: Differences that are judged at once (Bonferroni).
    """
    one, two = (wilson(hit, total, tests) for hit, total in zip(hits, of, strict=True))
    value = one.value - two.value
    low = value - float(np.hypot(one.value - one.low, two.high - two.value))
    high = value + float(np.hypot(one.high - one.value, two.value - two.low))
    return Interval(value, low, high, CONFIDENCE)


def mean_interval(values: Floats, seed: int) -> Interval | None:
    """Mean and its bootstrap interval (percentiles) over the values; None where there are none."""
    if not values.size:
        return None
    drawn = _means(values[:, None], seed)[:, 0]
    return Interval(float(values.mean()), *_ends(drawn), CONFIDENCE)


def ratio_interval(above: Floats, below: Floats, seed: int) -> Interval | None:
    """Ratio of two means and its bootstrap interval; features are drawn whole, one draw for both.

    Args:
        above: ``[features]``.
        below: ``[features]``.
        seed: Of the draws.

    Returns:
        None where the denominator's interval holds 0: then the ratio says nothing.
    """
    if not above.size:
        return None
    over, under = _means(np.stack([above, below], axis=1), seed).T
    if _ends(under)[0] <= 0:
        return None
    return Interval(float(above.mean() / below.mean()), *_ends(over / under), CONFIDENCE)


def _means(values: Floats, seed: int) -> Floats:
    """Means over resampled rows, ``[draws, columns]``; one draw at a time, since features can be tens of thousands."""
    rng = np.random.default_rng(seed)
    return np.array([values[rng.integers(len(values), size=len(values))].mean(axis=0) for _ in range(DRAWS)])


def _ends(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Agreement:
    """How often the two of a pair are in one category, and how often they would be if they were dealt out anew."""

    share: Interval
    chance: float
    pairs: int


def agreement(categories: Sequence[tuple[str, str]]) -> Agreement | None:
    """Whether the two of a pair are in one category.

    Args:
        categories: Of both features of each pair.
    """
    if not categories:
        return None
    share = wilson(sum(one == other for one, other in categories), len(categories))
    left, right = (Counter(pair[side] for pair in categories) for side in (0, 1))
    chance = sum(left[name] * right[name] for name in left) / len(categories) ** 2
    return Agreement(share, chance, len(categories))


def stand_out(
    part: Mapping[str, tuple[int, int]], whole: tuple[int, int], least: int = 10
) -> list[tuple[str, Interval, Interval]]:
    """Groups whose share differs from that of all others together, beyond chance (Bonferroni over the groups).

    Args:
        part: Group → (hits, features).
        whole: The same of all features.
        least: Groups of fewer features are not judged.

    Returns:
        Group, its share, and the difference to the others', largest difference first.
    """
    judged = {name: one for name, one in part.items() if one[1] >= least and whole[1] - one[1] >= least}
    found = []
    for name, (hits, of) in judged.items():
        apart = difference((hits, whole[0] - hits), (of, whole[1] - of), tests=len(judged))
        if apart.low > 0 or apart.high < 0:
            found.append((name, wilson(hits, of), apart))
    return sorted(found, key=lambda one: (-abs(one[2].value), one[0]))
