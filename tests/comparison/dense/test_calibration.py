import numpy as np
import pytest

from samedream.comparison.blocks import split_blocks
from samedream.comparison.dense.calibration import Measured, shuffles
from samedream.comparison.estimates import Sampled


def _measured(value, null):
    return Measured(Sampled(value, np.array([value - 0.1, value + 0.1, value, value]), (2, 2)), np.array(null))


def test_tau_and_p_by_hand():
    found = _measured(0.6, [i / 100 for i in range(20)])  # 0 to .19
    assert found.threshold == pytest.approx(0.19)  # of 20, the quantile is the 19.05th in order: the next one
    assert found.p_value == 1 / 21
    assert found.calibrated.value == pytest.approx((0.6 - 0.19) / 0.81)
    assert found.calibrated.without.tolist() == pytest.approx([0.31 / 0.81, 0.51 / 0.81, 0.41 / 0.81, 0.41 / 0.81])
    assert _measured(0.18, [i / 100 for i in range(20)]).p_value == 3 / 21
    assert _measured(0.1, [i / 100 for i in range(20)]).calibrated.value == 0.0


def test_a_null_below_zero_does_not_raise_a_figure():
    found = _measured(0.2, [-0.5, -0.4, -0.3])  # R^2 of maps that predict worse than the mean
    assert found.threshold == 0.0
    assert found.calibrated.value == pytest.approx(0.2)


def test_what_is_not_a_number_is_seen():
    assert _measured(0.2, [0.1]).finite
    assert not _measured(np.nan, [0.1]).finite
    assert not _measured(0.2, [0.1, np.nan]).finite


def test_shuffles_move_whole_articles_within_halves():
    code = np.repeat(np.arange(60), 3)
    blocks = split_blocks(code, 180, 0)
    orders = shuffles(blocks, 5, 7)
    for order in orders:
        assert sorted(order) == list(range(180))
        for half in blocks.halves:
            assert set(order[half.rows]) == set(half.rows)
        assert all(len(set(code[order[code == article]])) == 1 for article in range(60))
    assert len({tuple(order) for order in orders}) == 5
    assert all(np.array_equal(x, y) for x, y in zip(orders, shuffles(blocks, 5, 7), strict=True))


def test_groups_of_the_second_half_come_after_those_of_the_first():
    blocks = split_blocks(np.arange(100), 100, 0)
    group, counts = blocks.group, blocks.n_groups
    assert counts == (25, 25)
    assert set(group[blocks.halves[0].rows]) == set(range(25))
    assert set(group[blocks.halves[1].rows]) == set(range(25, 50))
