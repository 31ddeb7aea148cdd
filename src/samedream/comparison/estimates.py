"""Figures over all features, with article-jackknife intervals.

Every figure is a function of the held-out r of the features in one or more comparisons. A `Sampled` carries its value
and its value with each group of articles left out, so that differences and ratios of figures are jackknifed jointly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.nulls import calibrated
from samedream.records import Interval

CONFIDENCE = 0.95
_RAMP = 0.05  # half the width in which a match passes in part

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sampled:
    """A figure, and the same with each group left out.

    Attributes:
        value: The figure.
        without: Float64 ``[groups]``, the groups of half 1 first.
        halves: How many groups each half has.
        chance: What chance alone would add to it on average (0 for a figure that chance does not raise).
        chance_variance: How uncertain that is.
    """

    value: float
    without: Floats
    halves: tuple[int, int]
    chance: float = 0.0
    chance_variance: float = 0.0

    def variance(self) -> float:
        """The jackknife variance of the figure."""
        return float(_parts(self.without, self.halves).sum())

    def carriers(self, *, extra_variance: float = 0.0) -> NDArray[np.int64]:
        """The fewest groups that carry half of the variance, int64, the weightiest first; all where all carry less."""
        parts = _parts(self.without, self.halves)
        order = np.argsort(-parts, kind="stable")
        half = (parts.sum() + extra_variance) / 2
        return order[: int(np.searchsorted(np.cumsum(parts[order]), half)) + 1]

    def interval(self, *, extra_variance: float = 0.0, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
        """The 95 % interval ``value -+ t sqrt(variance)``, t with (groups - 2) degrees of freedom.

        The low end is lowered further by what chance adds to the value, ``chance (1 - value) / (1 - chance)``: a mean
        of scores cut at 0 is above 0 even where nothing is shared, and nothing of a perfect match is chance.
        """
        t, variance = _t(self.without.size - 2), self.variance() + extra_variance
        room = (1 - self.value) / (1 - self.chance)
        up, down = t * np.sqrt(variance), t * np.sqrt(variance + room**2 * self.chance_variance)
        return Interval(
            value=float(np.clip(self.value, lowest, highest)),
            low=float(np.clip(self.value - down - self.chance * room, lowest, highest)),
            high=float(np.clip(self.value + up, lowest, highest)),
            confidence=CONFIDENCE,
        )


def interval(figure: Sampled | None) -> Interval | None:
    """The interval of a figure, where there is one."""
    return figure.interval() if figure else None


def share_interval(figure: Sampled | None) -> Interval | None:
    """The interval of a share, between 0 and 1, where there is one."""
    return figure.interval(lowest=0.0, highest=1.0) if figure else None


def jackknife_variance(without: Floats, halves: tuple[int, int]) -> Floats:
    """Stratified delete-one-group jackknife variance: ``sum_h (G_h - 1) / G_h sum_g (x_hg - mean_h)^2``.

    Args:
        without: Figures with each group left out, ``[groups, ...]``, the groups of half 1 first.
        halves: How many groups each half has.
    """
    total: Floats = _parts(without, halves).sum(axis=0)
    return total


def _parts(without: Floats, halves: tuple[int, int]) -> Floats:
    """What each group adds to the variance, as `without`."""
    spread = [(len(part) - 1) / len(part) * (part - part.mean(axis=0)) ** 2 for part in np.split(without, [halves[0]])]
    return np.concatenate(spread)


def _t(degrees: int) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, max(1, degrees)))


@dataclass(frozen=True)
class Direction:
    """How the features of one side are found in the other.

    Attributes:
        r: Held-out correlation of each eligible feature, float64 ``[features]``.
        without: The same with each group left out, ``[groups, features]``.
        threshold: tau of each feature.
        chance: Mean score that chance alone gives each feature.
        chance_variance: Of its mean.
        halves: How many groups each half has.
    """

    r: Floats
    without: Floats
    threshold: Floats
    chance: Floats
    halves: tuple[int, int]
    chance_variance: float = 0.0

    def universality(self) -> Sampled:
        """``U = mean_i s_i`` over the eligible features, thresholds held fixed in the jackknife (protocol 3.4)."""
        return Sampled(
            value=float(calibrated(self.r, self.threshold).mean()),
            without=calibrated(self.without, self.threshold).mean(axis=1),
            halves=self.halves,
            chance=float(self.chance.mean()),
            chance_variance=self.chance_variance,
        )

    def filled(self, features: int) -> "Direction":
        """The same with features that match nothing (r, tau and chance 0) until there are `features` of them."""
        more = features - self.r.size
        if more <= 0:
            return self
        r, threshold, chance = (np.pad(values, (0, more)) for values in (self.r, self.threshold, self.chance))
        return Direction(
            r=r,
            without=np.pad(self.without, ((0, 0), (0, more))),
            threshold=threshold,
            chance=chance,
            halves=self.halves,
            chance_variance=self.chance_variance * (self.r.size / features) ** 2,
        )


def normalised(
    universality: Sampled, floor: Sampled | None, ceiling: Sampled | None, *, seed_variance: float = 0.0
) -> Interval | None:
    """``NU = (U - U_floor) / (U_ceiling - U_floor)`` with a joint jackknife (protocol 3.4).

    None without floor or ceiling, or when the interval of the denominator includes 0.

    Args:
        universality: U.
        floor: U_floor.
        ceiling: U_ceiling.
        seed_variance: Of U, over dictionary seeds.
    """
    if floor is None or ceiling is None:
        return None
    gap = Sampled(ceiling.value - floor.value, ceiling.without - floor.without, floor.halves)
    if gap.interval().low <= 0 or gap.without.min() <= 0:
        return None
    return Sampled(
        (universality.value - floor.value) / gap.value,
        (universality.without - floor.without) / gap.without,
        floor.halves,
    ).interval(extra_variance=seed_variance / gap.value**2)


def larger(candidates: list[Direction]) -> Direction | None:
    """The floor that is harder to beat: of highest universality; None of none."""
    return max(candidates, key=lambda direction: direction.universality().value, default=None)


def found_again(repeat: Direction, passes: NDArray[np.bool_], stratum: NDArray[np.int64]) -> Interval:
    """Seed stability: the share of a dictionary's features that pass the test against its own repeat.

    The test comes to one lowest r in each stratum of firing rate; the jackknife moves r, as a ramp, past these bars.

    Args:
        repeat: How the features are found in the repeat.
        passes: Whether each feature passes there, bool ``[features]``.
        stratum: Of each feature.
    """
    without = soft_pass(repeat.without, lowest_passing(repeat.r, passes, stratum)).mean(axis=1)
    return Sampled(float(passes.mean()), without, repeat.halves).interval(lowest=0.0, highest=1.0)


def lowest_passing(r: Floats, passes: NDArray[np.bool_], stratum: NDArray[np.int64]) -> Floats:
    """The lowest r that passes in each feature's stratum, infinite where none does, float64 ``[features]``."""
    bar = np.full(passes.size, np.inf)
    for number in np.unique(stratum[passes]):
        bar[stratum == number] = r[passes & (stratum == number)].min()
    return bar


def soft_pass(r: Floats, bar: float | Floats) -> Floats:
    """0 below the bar, 1 above, linear within .05 of it: a jackknife needs a figure that does not jump."""
    passed: Floats = np.clip((r - bar) / (2 * _RAMP) + 0.5, 0.0, 1.0)
    return passed
