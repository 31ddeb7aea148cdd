import numpy as np
import pytest
from scipy import stats
from tests.comparison.directions import direction

from samedream.comparison.estimates import normalised, soft_pass
from samedream.comparison.shared import bar_between, shared_fraction


def share(*directions):
    fraction = shared_fraction(*directions)
    return fraction.interval() if fraction else None


def test_shared_fraction_by_hand():
    # bar between 0 and .6: 80 of 100 in the repeat, 10 at the twin, 45 in the other: (45 - 10) / (80 - 10) = .5
    ceiling = direction([0.6] * 80 + [0.0] * 20)
    floor = direction([0.6] * 10 + [0.0] * 90)
    found = direction([0.6] * 45 + [0.0] * 55)
    interval = share(found, floor, ceiling)
    assert interval.value == pytest.approx(0.5)
    assert 0.3 < interval.low < 0.45 < 0.55 < interval.high < 0.7


def test_shared_fraction_does_not_ask_for_equal_strength():
    # every feature is shared but matches less well than in the repeat: prevalence is still 1
    rng = np.random.default_rng(1)
    ceiling, found, floor = (direction(rng.normal(mean, 0.05, 500)) for mean in (0.7, 0.5, 0.05))
    assert share(found, floor, ceiling).value == pytest.approx(1.0, abs=0.05)
    assert normalised(*(d.universality() for d in (found, floor, ceiling))).value < 0.75


def test_shared_fraction_is_clipped_and_withheld():
    ceiling, floor = direction([0.6] * 50 + [0.0] * 50), direction([0.0] * 100)
    assert share(direction([0.6] * 90 + [0.0] * 10), floor, ceiling).value == 1.0
    assert share(direction([0.0] * 100), floor, ceiling).low == 0.0
    assert share(ceiling, None, ceiling) is None
    assert share(ceiling, floor, None) is None
    assert share(ceiling, ceiling, ceiling) is None


def test_the_bar_stands_between_twin_and_repeat():
    assert bar_between(np.full(50, 0.1), np.full(50, 0.5)) == pytest.approx(0.3, abs=0.01)
    assert soft_pass(np.array([0.2, 0.3, 0.325, 0.5]), 0.3).tolist() == pytest.approx([0.0, 0.5, 0.75, 1.0])


@pytest.mark.parametrize("truth", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("chances", ["alike", "always or never"])
def test_the_interval_holds_what_another_dictionary_would_change(truth, chances):
    """Features that are found with a known chance, many times over: the interval's width is their spread."""
    rng = np.random.default_rng(5)
    n, common = 400, round(truth * 400)
    found = np.full(n, 0.6) if chances == "alike" else np.where(np.arange(n) % 5 < 3, 0.97, 0.03)
    unfound = np.full(n, 0.05)
    values, covered, widths = [], 0, []
    for _ in range(200):
        again, floor = rng.random(n) < found, rng.random(n) < unfound
        passed = np.where(np.arange(n) < common, rng.random(n) < found, rng.random(n) < unfound)
        interval = share(*(direction(0.6 * x) for x in (passed, floor, again)))
        values.append(interval.value)
        covered += interval.low <= truth <= interval.high
        widths.append(interval.high - interval.low)
    assert np.mean(values) == pytest.approx(truth, abs=0.03)
    assert covered / 200 >= 0.9
    if truth == 0.3:
        assert covered / 200 <= 0.995
        assert np.mean(widths) / 4 == pytest.approx(np.std(values), rel=0.35)


@pytest.mark.parametrize("exact", [False, True])
def test_the_interval_takes_what_a_dictionary_misses_for_chance(exact):
    """A fifth of the concepts is missed, each by chance or exactly so many: the second spreads less, and is not told.

    The truth is of the models' concepts. Whether another dictionary would miss exactly as many cannot be seen in two
    of them, so the interval is as wide as chance alone asks for, and too wide where the number is fixed.
    """
    rng = np.random.default_rng(7)
    left, right, common = 200, 300, 150

    def kept(concepts):
        if exact:
            return rng.permutation(concepts) >= concepts // 5
        return rng.random(concepts) > 0.2

    values, covered, widths = [], 0, []
    for _ in range(250):
        has, again, other = kept(left), kept(left), kept(right)
        floor = np.zeros(left)
        found = has & (np.arange(left) < common) & other[:left]
        interval = share(*(direction(0.6 * x) for x in (found, floor, has & again)))
        values.append(interval.value)
        covered += interval.low <= common / left <= interval.high
        widths.append(interval.high - interval.low)
    spread = np.std(values) / (np.mean(widths) / 4)
    assert np.mean(values) == pytest.approx(0.75, abs=0.01)
    if exact:
        assert spread < 0.85
        assert covered / 250 > 0.97
    else:
        assert spread == pytest.approx(1.0, abs=0.15)
        assert 0.9 <= covered / 250 <= 0.98


def test_tokens_are_no_chance():
    """40 of 400 features are found everywhere, and no other where nothing is shared: none of that is chance.

    By hand: alpha .1, binomial variance .09, of which a fifth is left; the repeat has 328 of 400, so the gap is .72.
    """
    tokens = direction(0.6 * (np.arange(400) < 40))
    nothing = share(tokens, tokens, direction(0.6 * (np.arange(400) < 328)))
    assert nothing.value == 0.0
    assert nothing.high == pytest.approx(stats.t.ppf(0.975, 48) * np.sqrt(2 * 0.2 * 0.09 / 400) / 0.72)
