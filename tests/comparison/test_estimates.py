import numpy as np
import pytest
from scipy import stats
from tests.comparison.directions import direction

from samedream.comparison.estimates import (
    Direction,
    Sampled,
    found_again,
    larger,
    normalised,
)


def test_jackknife_of_two_means_equals_the_textbook():
    # the figure is mean(x) + mean(y); leaving out one of n values moves the mean by (mean - x) / (n - 1), so the
    # jackknife variance is var(x) / n + var(y) / m exactly
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20), rng.normal(size=30)
    without = np.concatenate([(x.sum() - x) / 19 + y.mean(), x.mean() + (y.sum() - y) / 29])
    figure = Sampled(x.mean() + y.mean(), without, (20, 30))
    assert figure.variance() == pytest.approx(x.var(ddof=1) / 20 + y.var(ddof=1) / 30)
    interval = figure.interval()
    assert interval.high - figure.value == pytest.approx(stats.t.ppf(0.975, 48) * np.sqrt(figure.variance()))
    assert interval.confidence == 0.95


def test_universality_is_the_mean_score():
    direction = Direction(
        r=np.array([0.6, 0.1, 1.0]), without=np.tile([0.6, 0.1, 1.0], (4, 1)), threshold=np.array([0.2, 0.2, 0.5]),
        chance=np.full(3, 0.001), halves=(2, 2),
    )  # fmt: skip
    figure = direction.universality()
    assert figure.value == pytest.approx((0.5 + 0 + 1) / 3)
    # no spread: the interval is the value, lowered by what chance adds to its part that is not perfect
    assert figure.interval().high == pytest.approx(0.5)
    assert figure.interval().low == pytest.approx(0.5 - 0.001 * 0.5 / 0.999)


def test_normalised_by_hand():
    flat = np.zeros(4)
    u, floor, ceiling = (Sampled(value, value + flat, (2, 2)) for value in (0.4, 0.1, 0.6))
    found = normalised(u, floor, ceiling)
    assert (found.value, found.low, found.high) == pytest.approx((0.6, 0.6, 0.6))
    assert normalised(u, None, ceiling) is None
    assert normalised(u, floor, None) is None


def test_normalised_is_withheld_where_floor_and_ceiling_are_not_apart():
    noise = np.random.default_rng(0).normal(0, 0.05, size=50)
    u, floor, ceiling = (Sampled(v, v + n, (25, 25)) for v, n in ((0.4, noise), (0.39, 0 * noise), (0.41, noise)))
    assert normalised(u, floor, ceiling) is None
    below = Sampled(0.2, np.full(50, 0.2), (25, 25))
    assert normalised(u, floor, below) is None


def test_the_larger_floor_is_taken():
    low, high = direction([0.1, 0.1]), direction([0.3, 0.1])
    assert larger([low, high]) is high
    assert larger([]) is None


def test_found_again_is_the_share_that_passes():
    r = np.array([0.9, 0.6, 0.1, 0.8, 0.2])
    passes, stratum = np.array([True, True, False, True, False]), np.array([0, 0, 0, 1, 1])
    still = found_again(direction(r), passes, stratum)
    assert still.value == pytest.approx(0.6)
    # leaving articles out moves every r: features at the bar of their stratum (.6 and .8) come and go, .9 stays
    moved = found_again(direction(r, spread=0.01), passes, stratum)
    assert moved.value == pytest.approx(0.6)
    assert 0.0 < moved.low < 0.6 < moved.high <= 1.0
    nothing = found_again(direction(r, spread=0.01), np.zeros(5, bool), stratum)
    assert (nothing.value, nothing.low, nothing.high) == (0.0, 0.0, 0.0)


def test_a_direction_is_filled_with_features_that_match_nothing():
    few = Direction(
        r=np.array([0.6, 0.2]), without=np.tile([0.6, 0.2], (4, 1)), threshold=np.array([0.2, 0.2]),
        chance=np.full(2, 0.01), halves=(2, 2), chance_variance=0.04,
    )  # fmt: skip
    filled = few.filled(8)
    assert filled.universality().value == pytest.approx(few.universality().value / 4)
    assert filled.universality().without == pytest.approx(few.universality().without / 4)
    assert (filled.universality().chance, filled.chance_variance) == pytest.approx((0.0025, 0.0025))
    assert few.filled(2) is few.filled(1) is few
