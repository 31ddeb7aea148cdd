import numpy as np
import pytest

from samedream.comparison.labelled.counting import (
    agreement,
    difference,
    mean_interval,
    ratio_interval,
    stand_out,
    wilson,
)


def test_wilson_worked_by_hand() -> None:
    # 10 of 20, z = 1.95996: centre 1/2, reach z / (1 + z²/20) * sqrt(.25/20 + z²/1600)
    z = 1.959963985
    found = wilson(10, 20)
    reach = z / (1 + z * z / 20) * np.sqrt(0.25 / 20 + z * z / 1600)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5 - reach, 0.5 + reach))
    assert wilson(0, 20).low == 0 and wilson(20, 20).high == 1
    assert wilson(20, 20).low == pytest.approx(0.8389, abs=1e-4)  # all of twenty is no certainty


def test_more_tests_at_once_make_wider_intervals() -> None:
    one, many = wilson(10, 20), wilson(10, 20, tests=10)
    assert many.low < one.low and many.high > one.high


def test_difference_is_newcombes() -> None:
    # Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10: .2 (.0524, .3339)
    found = difference((56, 48), (70, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_mean_interval_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=400)
    found = mean_interval(values, seed=0)
    assert found is not None
    assert found.value == values.mean()
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert mean_interval(np.zeros(0), seed=0) is None


def test_a_ratio_over_something_that_may_be_nothing_is_not_given() -> None:
    rng = np.random.default_rng(2)
    below = rng.normal(0.2, 0.1, size=200)
    found = ratio_interval(0.5 * below + rng.normal(0, 0.01, 200), below, seed=0)
    assert found is not None
    assert found.low < 0.5 < found.high and found.high - found.low < 0.1  # drawn together, so the noise of both cancels
    assert ratio_interval(below, rng.normal(0, 0.1, size=200), seed=0) is None
    assert ratio_interval(np.zeros(0), np.zeros(0), seed=0) is None


def test_agreement_beside_what_dealing_out_gives() -> None:
    found = agreement([("x", "x")] * 6 + [("y", "y")] * 2 + [("x", "y")] * 2)
    assert found is not None
    assert found.share.value == 0.8
    assert found.chance == pytest.approx((8 * 6 + 2 * 4) / 100)
    assert found.pairs == 10
    assert agreement([]) is None


def test_only_groups_beyond_chance_stand_out() -> None:
    part = {"apart": (45, 50), "like the rest": (25, 100), "too small": (5, 5)}
    found = stand_out(part, (250, 1000))
    assert [name for name, _, _ in found] == ["apart"]
    _, share, apart = found[0]
    assert share.value == 0.9
    assert apart.value == pytest.approx(0.9 - 205 / 950)


def test_on_chance_alone_a_group_stands_out_in_at_most_one_in_twenty_draws() -> None:
    rng = np.random.default_rng(3)
    loud = 0
    for _ in range(200):
        group, hit = rng.integers(6, size=600), rng.random(600) < 0.3
        part = {str(g): (int(hit[group == g].sum()), int((group == g).sum())) for g in range(6)}
        loud += bool(stand_out(part, (int(hit.sum()), 600)))
    assert loud <= 20
