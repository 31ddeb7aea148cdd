"""The shared fraction: what part of one model's stable features the other model has, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.estimates import Direction, Sampled, soft_pass
from samedream.records import Interval

# of the binomial variance: so little at least is left to chance by features that are told apart for sure
_LEAST_VARIANCE = 0.2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fraction:
    """The shared fraction before its interval.

    Attributes:
        sampled: The figure and its value without each group of articles.
        of_dictionaries: Variance from which features another dictionary would have found.
    """

    sampled: Sampled
    of_dictionaries: float

    def interval(self) -> Interval:
        """The 95 % interval, within [0, 1]."""
        return self.sampled.interval(extra_variance=self.of_dictionaries, lowest=0.0, highest=1.0)


@dataclass(frozen=True)
class _Passes:
    """How far features pass the bar: each 0 to 1, and their mean with each group left out."""

    each: Floats
    mean: Sampled


def shared_fraction(found: Direction, unshared: Direction | None, ceiling: Direction | None) -> Fraction | None:
    """Share of one model's stable features that the other model has: Rogan & Gladen (1978), protocol 3.4.

    ``pi = (m_AB - alpha) / (m_AA' - alpha)``: m is the share of features matched above a bar in the other model and in
    the model's own repeat, alpha the share above it where nothing is shared. It corrects the match rate for what the
    repeat misses and for what comes for nothing. The bar is where the repeat and what is not shared are told apart best
    (`bar_between`): it never looks at the other model.

    The interval holds the article jackknife's variance (bar and partners fixed) and that of which features another
    dictionary would have found (`_of_dictionaries`). It is about the features at hand: which ones they are is not a
    chance. None without twin and repeat, or when the interval of ``m_AA' - alpha`` includes 0.

    Args:
        found: How the features are found in the other model.
        unshared: How the same features are found where nothing is shared (`view.View.unshared`).
        ceiling: How they are found in their own repeat.
    """
    if unshared is None or ceiling is None:
        return None
    bar = bar_between(unshared.r, ceiling.r)
    m, again, alpha = (_passes(direction, bar) for direction in (found, ceiling, unshared))
    gap = Sampled(again.mean.value - alpha.mean.value, again.mean.without - alpha.mean.without, found.halves)
    gap_variance = sum(_binomial(part) / part.each.size for part in (again, alpha))
    if gap.interval(extra_variance=gap_variance).low <= 0 or gap.without.min() <= 0:
        return None
    value = (m.mean.value - alpha.mean.value) / gap.value
    figure = Sampled(value, (m.mean.without - alpha.mean.without) / gap.without, found.halves)
    variance = _of_dictionaries(float(np.clip(value, 0.0, 1.0)), m, again, alpha=alpha)
    return Fraction(figure, variance / gap.value**2)


def bar_between(floor: Floats, ceiling: Floats) -> float:
    """The r that best tells repeat from floor: the middle of the bars where ``m_AA' - alpha`` is near (.02) its best.

    Args:
        floor: Held-out r of the features where nothing is shared.
        ceiling: Held-out r of the features against their own repeat.
    """
    bars = np.linspace(0.0, 1.0, 201)
    apart = np.array([float((ceiling > bar).mean() - (floor > bar).mean()) for bar in bars])
    return float(bars[apart >= apart.max() - 0.02].mean())


def _passes(direction: Direction, bar: float) -> _Passes:
    each = soft_pass(direction.r, bar)
    without = soft_pass(direction.without, bar).mean(axis=1)
    return _Passes(each, Sampled(float(each.mean()), without, direction.halves))


def _binomial(passes: _Passes) -> float:
    return passes.mean.value * (1 - passes.mean.value)


def _of_dictionaries(value: float, m: _Passes, again: _Passes, *, alpha: _Passes) -> float:
    """Variance of ``pi (m_AA' - alpha)`` over dictionaries: whether a feature is found is a chance of its own.

    A feature that the other model has is found with probability p_i, one that it has not with a_i. To first order,
    with the shared ones found or not independently in both dictionaries,

        n Var = pi (1 + pi) E p(1-p) + (1 - pi) (2 - pi) E a(1-a).

    Features differ in p_i: some are always found, some never, and these are no chance. So E p(1-p) = E p - E p^2, with
    E p^2 from features that pass in both, ``E[m_i again_i] = pi E p^2 + (1 - pi) E[a again]``, and E a^2 alike; at
    least a fifth of the binomial variance.

    Where every dictionary misses exactly as many concepts, sums spread less than this says (docs/selftest.md).

    Args:
        value: pi.
        m: In the other model.
        again: In the repeat.
        alpha: Where nothing is shared.
    """
    found, unfound = _binomial(again), _binomial(alpha)
    both = float((m.each * again.each).mean()) - (1 - value) * float((again.each * alpha.each).mean())
    none = float((m.each * alpha.each).mean()) - value * float((again.each * alpha.each).mean())
    if value > 0.05:
        found = float(np.clip(again.mean.value - both / value, _LEAST_VARIANCE * found, found))
    if value < 0.95:
        unfound = float(np.clip(alpha.mean.value - none / (1 - value), _LEAST_VARIANCE * unfound, unfound))
    return (value * (1 + value) * found + (1 - value) * (2 - value) * unfound) / m.each.size
