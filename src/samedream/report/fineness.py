"""Which model cuts the world finer: the comparison's granularity in words, small tables and a curve over widths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import msgspec

from samedream.records import Interval
from samedream.report.method import flat
from samedream.report.reading import finite
from samedream.report.words import CANNOT_TELL, NONE, between, counted, figure, percent, significant

_VERDICTS = {
    "narrower": "{a} cuts finer than {b}, at every size of dictionary that was tried",
    "broader": "{b} cuts finer than {a}, at every size of dictionary that was tried",
    "no clear difference": "Neither {a} nor {b} cuts clearly finer",
}
_ROWS = (
    ("fires in", "firing_rate", True),
    ("spread over articles, as if evenly over", "effective_articles", False),
    ("spread over topics, as if evenly over", "effective_topics", False),
    ("peaks on words, as if evenly on", "effective_words", False),
    ("peaks inside a name", "entity_share", True),
)
_WAYS = {"a lower": "lower", "a higher": "higher"}
_DRAWN = "effective_articles"
_KNOWN = {
    "a", "b", "difference", "containment", "verdict", "why", "measure", "margin", "by_measure", "pairs", "curves",
    "splits", "note",
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One width of one model's curve: value and interval, and where they lie in percent of the figure."""

    interval: Interval
    x: float
    y: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Curves:
    """Spread over articles against width, on logarithmic axes: ticks as (text, percent), a line of points a model."""

    widths: tuple[tuple[str, float], ...]
    levels: tuple[tuple[str, float], ...]
    models: tuple[tuple[Point, ...], tuple[Point, ...]]


@dataclass(frozen=True)
class Fineness:
    """A title, rows of (figure, value for a, value for b), the curves, other figures, and how far to trust them."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    curves: Curves | None
    others: tuple[tuple[str, str], ...]
    note: str


def fineness(found: Mapping[str, Any] | None, names: tuple[str, str]) -> Fineness | None:
    """The granularity of a summary, or None where it has none.

    Args:
        found: As the comparison's `granularity` gives it; keys it does not know are listed as they stand.
        names: The two models, a first.
    """
    if not found:
        return None
    sides = (found.get("a") or {}, found.get("b") or {})
    title = _VERDICTS.get(str(found.get("verdict")), f"Which of {{a}} and {{b}} cuts finer: {CANNOT_TELL}")
    rows = [(words, *(_written(side.get(key), share) for side in sides)) for words, key, share in _ROWS]
    others = [*_sure(found, names), *_pairs(found, names), *_splits(found, names)]
    others += flat({key: value for key, value in found.items() if key not in _KNOWN})
    return Fineness(
        title.format(a=names[0], b=names[1]),
        tuple((words, a, b) for words, a, b in rows if (a, b) != (NONE, NONE)),
        _curves(found.get("curves") or ()),
        tuple(others),
        str(found.get("note") or ""),
    )


def _written(found: Any, share: bool) -> str:
    interval = _interval(found)
    if interval is None:
        return NONE
    if share:
        return f"{percent(interval.value)} {between(interval, 'percent')}"
    return f"{significant(interval.value)} [{significant(interval.low)}–{significant(interval.high)}]"


def _interval(found: Any) -> Interval | None:
    return msgspec.convert(found, Interval) if isinstance(found, Mapping) and "value" in found else None


def _sure(found: Mapping[str, Any], names: tuple[str, str]) -> list[tuple[str, str]]:
    """How sure the verdict is, and which other measures tell the models apart."""
    margin = finite(found.get("margin"))
    said = [("why", str(found["why"]))] if found.get("why") else []
    if margin is not None:
        words = "what the difference keeps beyond chance and seeds, in doublings (below 0: nothing)"
        said.append((words, figure(margin)))
    for words, measure, _ in _ROWS:
        other = (found.get("by_measure") or {}).get(measure) or {}
        if measure != found.get("measure") and (way := _WAYS.get(str(other.get("finding")))):
            less, more = names if way == "lower" else names[::-1]
            said.append((f"“{words}” is lower in {less} than in {more} at every size, by", figure(other["margin"])))
    return said


def _pairs(found: Mapping[str, Any], names: tuple[str, str]) -> list[tuple[str, str]]:
    said = []
    if (inside := _interval(found.get("containment"))) is not None:
        words = f"how much more often {names[0]}’s feature of a pair lies inside {names[1]}’s than the reverse"
        said.append((words, f"{figure(inside.value)} {between(inside)}"))
    if found.get("pairs") is not None:
        said.append(("measured on", counted(int(found["pairs"]), "pair")))
    return said


def _splits(found: Mapping[str, Any], names: tuple[str, str]) -> list[tuple[str, str]]:
    said = []
    for side, name in zip(("a", "b"), names, strict=True):
        if (parts := (found.get("splits") or {}).get(side)) and parts["split"] is not None:
            words = f"{name}’s features at {parts['from']:,} that two or more of its {parts['to']:,} make up"
            said.append((words, percent(parts["split"])))
    return said


def _curves(found: Sequence[Mapping[str, Any]]) -> Curves | None:
    """The figure, where there are two widths or more."""
    steps = [step for step in found if all(_interval((step.get(side) or {}).get(_DRAWN)) for side in ("a", "b"))]
    if len(steps) < 2:
        return None
    values = {side: [msgspec.convert(step[side][_DRAWN], Interval) for step in steps] for side in ("a", "b")}
    ends = [end for line in values.values() for one in line for end in (one.low, one.high)]
    across = [log2(max(width)) for width in (step["width"] for step in steps)]
    low, high = log2(min(ends)), log2(max(ends))

    def x(place: float) -> float:
        return round(10 + 80 * (place - across[0]) / ((across[-1] - across[0]) or 1), 2)

    def y(value: float) -> float:
        return round(92 - 84 * (log2(value) - low) / ((high - low) or 1), 2)

    lines = [
        tuple(
            Point(one, x(log2(step["width"][at])), y(one.value), y(one.high), y(one.low))
            for one, step in zip(values[side], steps, strict=True)
        )
        for at, side in enumerate(("a", "b"))
    ]
    widths = tuple((f"{max(step['width']):,}", x(place)) for step, place in zip(steps, across, strict=True))
    levels = tuple((significant(end), y(end)) for end in (min(ends), max(ends)))
    return Curves(widths, levels, (lines[0], lines[1]))
