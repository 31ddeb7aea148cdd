import math
from types import SimpleNamespace

import pyarrow as pa
import pytest

from samedream.comparison.config import ComparisonConfig
from samedream.planted import planted_activity
from samedream.planted.trials import Reading, Splits, figures, read, split_rates, splits


def _reading(truth, value, reach=0.05, passes=10, false=0):
    return Reading(truth=truth, value=value, low=value - reach, high=value + reach, passes=passes, false=false)


def test_figures_by_hand():
    found = figures([_reading(0.5, 0.52), _reading(0.5, 0.35, false=2), _reading(0.5, 0.6, passes=0)])
    assert found.bias == pytest.approx((0.02 - 0.15 + 0.1) / 3)
    assert found.error == pytest.approx((0.02 + 0.15 + 0.1) / 3)
    assert found.within == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(1 / 3)
    assert found.fdr == pytest.approx(0.2 / 3)


def test_a_withheld_reading_is_a_miss():
    nothing = Reading(truth=0.5, value=math.nan, low=math.nan, high=math.nan, passes=0, false=0)
    found = figures([nothing, _reading(0.5, 0.5)])
    assert (found.error, found.within, found.coverage) == (0.5, 0.5, 0.5)
    assert found.bias == 0.0
    assert not nothing.covered


def test_a_planted_pair_is_read_both_ways():
    pair = planted_activity(0.5, left=150, right=200, passages=2500, seed=1)
    found, readings = read(pair, ComparisonConfig(permutations=20))
    for way, reading, truth in zip(("a_to_b", "b_to_a"), readings, pair.shared, strict=True):
        assert reading.truth == truth
        assert reading.value == getattr(found.shared_fraction, way).value
        assert reading.error == pytest.approx(0.0, abs=0.12)
        assert 0 < reading.passes <= (150 if way == "a_to_b" else 200)
        assert reading.passes == round(
            found.pass_share[way] * found.method["eligible_features"]["left" if way == "a_to_b" else "right"]
        )
        assert reading.false <= 0.2 * reading.passes


def test_splits_by_hand():
    # planted: 0 into 1 and 2; 1 into 3 and 4, of which 4 is too rare to tell, so it cannot be found
    pair = SimpleNamespace(splits={0: (1, 2), 1: (3, 4)})
    matches = pa.table(
        {
            "side": ["a"] * 3 + ["b"] * 5,
            "q_value": [0.1] * 3 + [0.1] * 4 + [None],
            "children": pa.array([[1, 2, 0], None, [0, 3]] + [None] * 5, pa.list_(pa.int32())),
        }
    )
    found = splits(pair, matches)
    assert (found.planted, found.called, found.right) == (1, 2, 1)
    assert (found.parts_planted, found.parts_called, found.parts_right) == (2, 5, 2)


def test_rates_add_up_over_pairs():
    rates = split_rates([Splits(2, 4, 2, 5, 8, 4), Splits(6, 1, 1, 15, 2, 2)])
    assert rates == pytest.approx(
        {"splits_precision": 3 / 5, "splits_recall": 3 / 8, "parts_precision": 6 / 10, "parts_recall": 6 / 20}
    )
    assert set(split_rates([Splits(0, 0, 0, 0, 0, 0)]).values()) == {1.0}
