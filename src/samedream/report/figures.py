"""Geometry of the page's figures: positions in percent of the width, so that text keeps its size on a phone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from samedream.records import Directed, Interval
from samedream.report.pairs import CLASSES, Match, Pair
from samedream.report.words import class_words

BINS = 25
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)


@dataclass(frozen=True)
class Mark:
    """An estimate on an axis: its value and where value, low and high lie, in percent of the axis."""

    interval: Interval
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class ScaleRow:
    """One direction: how much of `name` (the page's `hue`-th model) is found in `other`."""

    name: str
    other: str
    hue: int
    value: Mark | None
    floor: Mark | None
    ceiling: Mark | None
    normalised: Interval | None
    shared: Interval | None


@dataclass(frozen=True)
class Scale:
    """The floor-to-ceiling figure: ticks as (value, percent), and one row for each direction."""

    ticks: tuple[tuple[float, float], ...]
    rows: tuple[ScaleRow, ...]


def nice_step(top: float) -> float:
    """The smallest round step that cuts 0 to `top` into at most six."""
    return next((step for step in _STEPS if top / step <= 6), 1.0)


def place(value: float, top: float) -> float:
    """Where a value lies between 0 and `top`, in percent, kept inside the axis."""
    return round(100 * min(1.0, max(0.0, value / top)), 2)


def scale(names: tuple[str, str], hues: tuple[int, int], figures: Mapping[str, Directed | None]) -> Scale:
    """Lay out the floor-to-ceiling figure on one axis that starts at 0.

    Args:
        names: The two models, a first.
        hues: Their numbers on the page.
        figures: "universality", "floor", "ceiling", "normalised", "shared_fraction".
    """

    def of(key: str, way: str) -> Interval | None:
        found = figures[key]
        return None if found is None else getattr(found, way)

    ways = ("a_to_b", "b_to_a")
    drawn = [i for key in ("universality", "floor", "ceiling") for way in ways if (i := of(key, way)) is not None]
    highest = max((interval.high for interval in drawn), default=1.0)
    step = nice_step(max(highest, 0.05))
    top = step * max(1, ceil(round(max(highest, 0.05) * 1.04 / step, 9)))

    def mark(interval: Interval | None) -> Mark | None:
        if interval is None:
            return None
        return Mark(interval, *(place(value, top) for value in (interval.value, interval.low, interval.high)))

    rows = [
        ScaleRow(
            names[n],
            names[1 - n],
            hues[n],
            mark(of("universality", way)),
            mark(of("floor", way)),
            mark(of("ceiling", way)),
            of("normalised", way),
            of("shared_fraction", way),
        )
        for n, way in enumerate(ways)
    ]
    steps = range(round(top / step) + 1)
    return Scale(tuple((round(n * step, 4), place(n * step, top)) for n in steps), tuple(rows))


@dataclass(frozen=True)
class Segment:
    """One class of features in a model's bar."""

    style: str
    words: str
    meaning: str
    count: int
    share: float
    x: float
    width: float


def class_bar(counts: Mapping[str, int], name: str, other: str, *, stable_known: bool) -> list[Segment]:
    """A model's features by class, as pieces of a bar of 100 %.

    Args:
        counts: Class → number of features; a class that is not there counts 0, and is left out.
        name: The model.
        other: The model it is compared with.
        stable_known: Whether the model's own repeat tells stable features from unstable ones.
    """
    known = [*CLASSES, *sorted(set(counts) - set(CLASSES))]
    total = sum(counts.values())
    merged: dict[tuple[str, str], tuple[str, int]] = {}
    for kind in known:
        if counts.get(kind, 0):
            words = class_words(kind, name, other, stable_known)
            style = "unstable" if words[0] == "no partner" else kind.replace(" ", "-")
            merged[words] = (style, merged.get(words, ("", 0))[1] + counts[kind])
    segments: list[Segment] = []
    done = 0
    for (words_short, meaning), (style, number) in merged.items():
        x, end = round(100 * done / total, 3), round(100 * (done + number) / total, 3)
        segments.append(Segment(style, words_short, meaning, number, number / total, x, round(end - x, 3)))
        done += number
    return segments


@dataclass(frozen=True)
class Histogram:
    """Counts in equal bins from 0 to 1 as heights in percent of the highest, and the median."""

    words: str
    style: str
    heights: tuple[float, ...]
    total: int
    median: float | None


def _histogram(words: str, style: str, values: Sequence[float]) -> Histogram:
    bins = Counter(min(BINS - 1, max(0, int(value * BINS))) for value in values)
    highest = max(bins.values(), default=1)
    ordered = sorted(values)
    half = len(ordered) // 2
    middle = None if not ordered else ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    heights = tuple(round(100 * bins[n] / highest, 1) for n in range(BINS))
    return Histogram(words, style, heights, len(ordered), middle)


def strengths(rows: Sequence[Match], name: str, other: str) -> list[Histogram]:
    """Three histograms of one model's match strength (held-out r): a random twin, the other model, itself again.

    Args:
        rows: The model's features that fire often enough to be judged.
        name: The model.
        other: The model it is compared with.
    """

    def values(key: str) -> list[float]:
        return [value for row in rows if (value := getattr(row, key)) is not None]

    return [
        _histogram(f"{other}’s random twin", "twin", values("floor_r")),
        _histogram(f"{other}", "other", values("r")),
        _histogram(f"{name} trained again", "again", values("repeat_r")),
    ]


@dataclass(frozen=True)
class Gauge:
    """A pair's strength between chance and the ceiling, in percent of 0 to 1; None where the study has no such mark."""

    at: float
    chance: float | None
    again: float | None
    passed: bool


def gauge(pair: Pair) -> Gauge:
    """Where a pair's r, the strength chance reaches, and the models' agreement with themselves lie.

    A pair that passed has the marks of the less steady of its two features; a feature without a partner its own.
    """
    passed = pair.seen.passed
    rows = [row for row in (pair.seen, pair.back if passed else None) if row is not None]
    chance = [row.threshold for row in rows if row.threshold is not None]
    again = [row.repeat_r for row in rows if row.repeat_r is not None]
    return Gauge(
        place(pair.strength, 1),
        place(max(chance), 1) if chance else None,
        place(min(again), 1) if again else None,
        passed,
    )
