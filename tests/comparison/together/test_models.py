import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samedream.comparison.together.models import Way, bounds, distances, spread_figures, spreads
from samedream.errors import ComparisonError
from samedream.records import Interval


def way(passes, *, again=None, eligible=None):
    passes = np.array(passes, dtype=bool)
    eligible = np.ones(passes.size, bool) if eligible is None else np.array(eligible, dtype=bool)
    again = None if again is None else np.array(again, dtype=bool)
    return Way(np.zeros(passes.size, np.int64), np.zeros(passes.size), passes, passes, eligible, again)


def test_features_are_counted_by_the_number_of_models_they_are_found_in():
    """Six features of a: in both, in b, in none, too rare, in both but unstable, in none and unstable."""
    rare = [1, 1, 1, 0, 1, 1]
    one = way([1, 1, 0, 0, 1, 0], again=[1, 1, 1, 0, 1, 0], eligible=rare)
    other = way([1, 0, 0, 0, 1, 0], again=[1, 1, 1, 0, 0, 0], eligible=rare)  # its twin is harder to beat
    empty = way([], again=[])
    found = {("a", "b"): one, ("a", "c"): other} | {
        pair: empty for pair in (("b", "a"), ("b", "c"), ("c", "a"), ("c", "b"))
    }
    spread = spreads(["a", "b", "c"], found)
    shared = [Interval(0.7, 0.6, 0.8), Interval(0.5, 0.4, 0.6)]
    assert spread_figures(spread["a"], shared) == {
        "features": 6,
        "eligible": {
            "count": 5, "all": 2, "some": 1, "only_here": 2, "by_number_of_others": [2, 1, 2],
            "share": {"all": 0.4, "some": 0.2, "only_here": 0.4},
        },
        "stable": {
            "count": 3, "all": 1, "some": 1, "only_here": 1, "by_number_of_others": [1, 1, 1],
            "share": {"all": 1 / 3, "some": 1 / 3, "only_here": 1 / 3},
        },
        "bounds": {"all": pytest.approx((0.0, 0.6)), "only_here": pytest.approx((0.0, 0.4))},
    }  # fmt: skip
    nothing = spread_figures(spread["b"], [shared[0], None])
    assert nothing["stable"]["share"] == {"all": None, "some": None, "only_here": None}
    assert nothing["bounds"] is None


def test_without_a_repeat_nothing_is_called_stable():
    found = {pair: way([1, 0]) for pair in (("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b"))}
    spread = spreads(["a", "b", "c"], found)["a"]
    assert spread.stable is None
    assert spread_figures(spread, [None, None])["stable"] is None
    assert spread_figures(spread, [None, None])["eligible"]["all"] == 1


def test_comparisons_of_two_widths_of_one_model_are_refused():
    found = {pair: way([1, 0]) for pair in (("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b"))}
    found["a", "c"] = way([1, 0, 1])
    with pytest.raises(ComparisonError) as error:
        spreads(["a", "b", "c"], found)
    assert str(error.value) == (
        "a has 2 features where it is compared with b and 3 where it is compared with c: the comparisons are not of "
        "one study"
    )


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30))
def test_the_bounds_hold_for_every_way_in_which_features_may_be_shared(shared):
    truth = np.array(shared)  # [features, other models]
    found = bounds([Interval(share, share, share) for share in truth.mean(axis=0).tolist()])
    for key, share in (("all", truth.all(axis=1).mean()), ("only_here", (~truth).all(axis=1).mean())):
        low, high = found[key]
        assert low - 1e-9 <= share <= high + 1e-9


def test_the_bounds_take_in_the_intervals_of_the_shares():
    found = bounds([Interval(0.8, 0.7, 0.9), Interval(0.6, 0.5, 0.7)])
    assert found["all"] == pytest.approx((0.2, 0.7))
    assert found["only_here"] == pytest.approx((0.0, 0.3))
    few = bounds([Interval(0.2, 0.1, 0.3), Interval(0.3, 0.2, 0.4)])
    assert few["all"] == pytest.approx((0.0, 0.3))
    assert few["only_here"] == pytest.approx((0.3, 0.8))


def test_the_distance_is_one_less_the_mean_of_both_ways_and_stays_between_0_and_1():
    models = ["a", "b", "c"]
    normalised = {
        ("a", "b"): Interval(0.6, 0.5, 0.7), ("b", "a"): Interval(0.4, 0.2, 0.6),
        ("a", "c"): Interval(1.1, 0.9, 1.3), ("c", "a"): Interval(1.0, 0.9, 1.1),
        ("b", "c"): None, ("c", "b"): Interval(0.4, 0.2, 0.6),
    }  # fmt: skip
    found = distances(models, normalised)
    for pair in (("a", "b"), ("b", "a")):
        assert (found[pair].value, found[pair].low, found[pair].high) == pytest.approx((0.5, 0.35, 0.65))
    assert (found["a", "c"].value, found["a", "c"].low, found["a", "c"].high) == pytest.approx((0.0, 0.0, 0.1))
    assert found["b", "c"] is found["c", "b"] is None
