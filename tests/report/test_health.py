from typing import Any

from samedream.report.health import health_rows, tally


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
