"""Small tables of figures with their intervals: what the page draws and the terminal prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samedream.records import Interval
from samedream.report.figures import Mark, place
from samedream.report.reading import finite
from samedream.report.words import NONE, between, figure, percent

WAYS = ("a_to_b", "b_to_a")


@dataclass(frozen=True)
class Cell:
    """One figure as text: its interval in brackets, what to hold it against, and its place on an axis from 0 to 1.

    `ticks` are the yardsticks named in `note`, in percent of the axis.
    """

    text: str = NONE
    ends: str = ""
    note: str = ""
    mark: Mark | None = None
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """What was measured in words, one sentence of meaning, and a cell for each column; a `control` is a yardstick."""

    words: str
    meaning: str
    cells: tuple[Cell, ...]
    control: bool = False


@dataclass(frozen=True)
class Column:
    """A column's head, and whose it is: 0 for the comparison's a, 1 for its b, None for neither."""

    words: str
    side: int | None = None


@dataclass(frozen=True)
class Table:
    """A table: its title says what to see, its caption how to read it; without figures `gap` says why."""

    key: str
    title: str
    columns: tuple[Column, ...] = ()
    lines: tuple[Line, ...] = ()
    caption: str = ""
    gap: str = ""


def at(found: Any, *path: str) -> Any:
    """The value below these keys, or None where one of them is missing."""
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def interval(found: Any) -> Interval | None:
    """An estimate of a summary, or None where it is none."""
    value, low, high = (finite(at(found, key)) for key in ("value", "low", "high"))
    return None if value is None or low is None or high is None else Interval(value, low, high)


def cell(found: Any, *, share: bool = False, note: str = "", ticks: Sequence[float | None] = ()) -> Cell:
    """A figure on its axis.

    Args:
        found: An estimate with its interval, a bare number, or None.
        share: Whether it is written in percent.
        note: What to hold it against, in words.
        ticks: The same as numbers.
    """
    known = interval(found)
    value = known.value if known else None if isinstance(found, Mapping) else finite(found)
    if value is None:
        return Cell(note=note)
    here = known or Interval(value, value, value)
    return Cell(
        percent(value) if share else figure(value),
        between(known, "percent" if share else "figure"),
        note,
        Mark(here, *(place(end, 1) for end in (here.value, here.low, here.high))),
        tuple(place(tick, 1) for tick in ticks if tick is not None),
    )


def both_ways(names: tuple[str, str]) -> tuple[Column, Column]:
    """The columns of figures in two directions."""
    return Column(f"{names[0]} in {names[1]}", 0), Column(f"{names[1]} in {names[0]}", 1)


def kept(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines that hold a figure."""
    return tuple(line for line in lines if any(one.text != NONE for one in line.cells))
