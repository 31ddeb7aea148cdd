from typing import Any

from samedream.records import Interval
from samedream.report.health import health_rows, seed_stability, tally


def metric(value: float | None, healthy: bool | None, **more: Any) -> dict[str, Any]:
    return {
        "key": "dead_share",
        "name": "dead",
        "value": value,
        "low": 0.05,
        "high": 0.2,
        "healthy": healthy,
        "advice": "",
        "meaning": "",
        **more,
    }


def test_models_stand_side_by_side_with_a_verdict_in_words() -> None:
    reports = {"a": {"metrics": [metric(0.31, False, advice="lower it")]}, "b": {"metrics": [metric(0.1, True)]}}
    (row,) = health_rows(reports, ["a", "b"])
    first, second = row.measures
    assert first is not None and second is not None
    assert (first.verdict, first.advice, second.verdict) == ("too high", "lower it", "healthy")
    # the axis ends at 1, so the band .05 to .2 lies at 5 to 20 % and the value .31 at 31 %
    assert (row.band, first.at) == ((5, 20), 31)
    assert tally([row]) == (1, 2)


def test_missing_reports_metrics_and_values_are_no_verdict() -> None:
    assert health_rows({"a": None, "b": {"metrics": []}}, ["a", "b"]) == []
    (row,) = health_rows({"a": {"metrics": [metric(None, None)]}, "b": None}, ["a", "b"])
    assert row.measures[0] is not None and row.measures[0].verdict == "no verdict" and row.measures[0].at is None
    assert row.measures[1] is None
    assert tally([row]) == (0, 0)


def test_bounds_may_be_open() -> None:
    (row,) = health_rows({"a": {"metrics": [metric(0.01, False, high=None)]}}, ["a"])
    assert row.measures[0] is not None and row.measures[0].verdict == "too low"
    assert row.band[1] == 100


def test_an_interval_is_shown_where_it_is_whole() -> None:
    whole = {"value": 0.31, "low": 0.2, "high": 0.4, "confidence": 0.95}
    for given, expected in ((whole, Interval(0.31, 0.2, 0.4)), ({**whole, "low": None}, None), (None, None)):
        (row,) = health_rows({"a": {"metrics": [metric(0.31, False, interval=given)]}}, ["a"])
        assert row.measures[0] is not None and row.measures[0].interval == expected


def test_seed_stability_is_a_figure_without_a_verdict() -> None:
    whole = {"value": 0.31, "low": 0.2, "high": 0.4, "confidence": 0.95}
    found = seed_stability(whole)
    assert found is not None and seed_stability(None) is None
    (row,) = health_rows({"a": {"metrics": [found]}, "b": None}, ["a", "b"])
    assert row.name == "seed stability"
    assert row.measures[0] is not None and row.measures[1] is None
    assert (row.measures[0].value, row.measures[0].verdict) == (0.31, "no verdict")
    assert row.measures[0].interval == Interval(0.31, 0.2, 0.4)
