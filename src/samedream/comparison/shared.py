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
    """How far features pass the bar: each 0 to 1, their mean with each group left out, and `Direction.own`."""

    each: Floats
    mean: Sampled
    own: bool


def shared_fraction(
    found: Direction, floor: Direction | None, ceiling: Direction | None, *, twin: Direction | None = None
) -> Fraction | None:
    """Share of one model's stable features that the other model has: Rogan & Gladen (1978), protocol 3.4.

    ``pi = (m_AB - alpha) / (m_AA' - alpha)``: m is the share of features matched above a bar in the other model and in
    the model's own repeat, alpha the share above it at the floor. It corrects the match rate for what the repeat misses
    and for what the floor gives for nothing; it assumes that features the models do not share match like the floor's.
    The bar is where repeat and floor are told apart best (`bar_between`): it never looks at the other model.

    The interval holds the article jackknife's variance (bar and partners fixed) and that of which features another
    dictionary would have found (`_of_dictionaries`). It is about the features at hand: which ones they are is not a
    chance. Clipped to [0, 1]. None without floor and ceiling, or when the interval of ``m_AA' - alpha`` includes 0.

    Args:
        found: How the features are found in the other model.
        floor: How they are found where nothing is shared (`view.View.unshared`).
        ceiling: How they are found in their own repeat.
        twin: How they are found in the other model's random twin. It tells which of them match anything (tokens do, and
            that is no chance) where `floor` is of other features than `found`.
    """
    if floor is None or ceiling is None:
        return None
    bar = bar_between(floor.r, ceiling.r)
    m, again, alpha = (_passes(direction, bar) for direction in (found, ceiling, floor))
    gap = Sampled(again.mean.value - alpha.mean.value, again.mean.without - alpha.mean.without, found.halves)
    gap_variance = sum(_binomial(part) / part.each.size for part in (again, alpha))
    if gap.interval(extra_variance=gap_variance).low <= 0 or gap.without.min() <= 0:
        return None
    value = (m.mean.value - alpha.mean.value) / gap.value
    figure = Sampled(value, (m.mean.without - alpha.mean.without) / gap.without, found.halves)
    beside = alpha if alpha.own else _passes(twin, bar) if twin else None
    variance = _of_dictionaries(float(np.clip(value, 0.0, 1.0)), m, again, alpha=alpha, beside=beside)
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
    return _Passes(each, Sampled(float(each.mean()), without, direction.halves), direction.own)


def _binomial(passes: _Passes) -> float:
    return passes.mean.value * (1 - passes.mean.value)


def _of_dictionaries(value: float, m: _Passes, again: _Passes, *, alpha: _Passes, beside: _Passes | None) -> float:
    """Variance of ``pi (m_AA' - alpha)`` over dictionaries: whether a feature is found is a chance of its own.

    A feature that the other model has is found with probability p_i, one that it has not with a_i. To first order,
    with the shared ones found or not independently in both dictionaries,

        n Var = pi (1 + pi) E p(1-p) + (1 - pi) E a(1-a) + (1 - pi)^2 (n / n_floor) E_floor a(1-a).

    Features differ in p_i: some are always found, some never, and these are no chance. So E p(1-p) = E p - E p^2, with
    E p^2 from features that pass in both, ``E[m_i again_i] = pi E p^2 + (1 - pi) E[a again]``, and E a^2 alike; at
    least a fifth of the binomial variance. Where the floor is of other features, which of those it has is a chance, and
    E_floor a(1-a) is binomial.

    Where every dictionary misses exactly as many concepts, sums spread less than this says (docs/selftest.md).

    Args:
        value: pi.
        m: In the other model.
        again: In the repeat.
        alpha: At the floor.
        beside: These features where nothing is shared; None if that is not known of these features.
    """
    n, floors = m.each.size, alpha.each.size
    found, of_floor = _binomial(again), _binomial(alpha)
    unfound = of_floor
    with_m, with_again = m.mean.value * alpha.mean.value, again.mean.value * alpha.mean.value
    if beside is not None and beside.each.size == n:
        with_m, with_again = float((m.each * beside.each).mean()), float((again.each * beside.each).mean())
    both = float((m.each * again.each).mean()) - (1 - value) * with_again
    none = with_m - value * with_again
    if value > 0.05:
        found = float(np.clip(again.mean.value - both / value, _LEAST_VARIANCE * found, found))
    if value < 0.95:
        unfound = float(np.clip(alpha.mean.value - none / (1 - value), _LEAST_VARIANCE * unfound, unfound))
    if beside is alpha:
        of_floor = unfound
    return (value * (1 + value) * found + (1 - value) * unfound + (1 - value) ** 2 * n / floors * of_floor) / n
