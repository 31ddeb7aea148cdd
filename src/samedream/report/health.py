"""The health of the dictionaries as one table: a row for each figure, a column for each model."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from samedream.records import Interval
from samedream.report.figures import place
from samedream.report.reading import finite


@dataclass(frozen=True)
class Measure:
    """One figure of one model: value and interval, the verdict in words, which knob to turn, its place on an axis."""

    value: float | None
    verdict: str
    healthy: bool | None
    advice: str
    at: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class HealthRow:
    """One figure for every model; `low` and `high` bound the healthy range, None where it is open."""

    name: str
    meaning: str
    low: float | None
    high: float | None
    band: tuple[float, float]
    measures: tuple[Measure | None, ...]


def _verdict(value: float | None, healthy: bool | None, low: float | None, high: float | None) -> str:
    if value is None or healthy is None:
        return "no verdict"
    if healthy:
        return "healthy"
    if low is not None and value < low:
        return "too low"
    if high is not None and value > high:
        return "too high"
    return "outside"


def _interval(found: Mapping[str, Any] | None) -> Interval | None:
    if not found:
        return None
    value, low, high, confidence = (finite(found.get(key)) for key in ("value", "low", "high", "confidence"))
    if value is None or low is None or high is None or confidence is None:
        return None
    return Interval(value, low, high, confidence)


def seed_stability(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A comparison's `seed_stability` of one side, as a health figure; None where there is none."""
    interval = _interval(found)
    if interval is None:
        return None
    return {
        "key": "seed_stability",
        "name": "seed stability",
        "value": interval.value,
        "interval": found,
        "meaning": "share of the features frequent enough to be compared that a dictionary of the same model with "
        "another seed has too, by the test that the comparison puts every match to",
    }


def _row(key: str, found: Mapping[str, Mapping[str, Any]], order: list[str]) -> HealthRow:
    first = next(found[model] for model in order if model in found)
    low, high = finite(first.get("low")), finite(first.get("high"))
    values = {model: finite(metric.get("value")) for model, metric in found.items()}
    seen = [value for value in (*values.values(), low, high) if value is not None]
    largest = max([*seen, 0.0])
    top = 1.0 if 0.25 < largest <= 1 else 10 ** ceil(log10(largest)) if largest > 0 else 1.0
    while top > 2.5 * largest > 0 and top != 1.0:
        top /= 2
    measures: list[Measure | None] = []
    for model in order:
        metric = found.get(model)
        if metric is None:
            measures.append(None)
            continue
        value, healthy = values[model], metric.get("healthy")
        measures.append(
            Measure(
                value,
                _verdict(value, healthy, low, high),
                healthy,
                str(metric.get("advice") or ""),
                None if value is None else place(value, top),
                _interval(metric.get("interval")),
            )
        )
    band = (0.0 if low is None else place(low, top), 100.0 if high is None else place(high, top))
    name = str(first.get("name") or key.replace("_", " "))
    return HealthRow(name, str(first.get("meaning") or ""), low, high, band, tuple(measures))


def health_rows(reports: Mapping[str, Mapping[str, Any] | None], order: list[str]) -> list[HealthRow]:
    """Put several models' health.json side by side.

    Args:
        reports: Model → health.json, or None where there is none.
        order: The models, as the columns stand.
    """
    metrics: dict[str, dict[str, Mapping[str, Any]]] = {}
    for model in order:
        for metric in (reports.get(model) or {}).get("metrics", ()):
            metrics.setdefault(str(metric.get("key", metric.get("name", ""))), {})[model] = metric
    return [_row(key, found, order) for key, found in metrics.items()]


def tally(rows: list[HealthRow]) -> tuple[int, int]:
    """How many figures are healthy, and how many have a verdict."""
    verdicts = [measure.healthy for row in rows for measure in row.measures if measure is not None]
    return sum(verdict is True for verdict in verdicts), sum(verdict is not None for verdict in verdicts)
