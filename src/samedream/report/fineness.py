"""Which model cuts the world finer: the comparison's granularity in words and a small table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from samedream.records import Interval
from samedream.report.method import flat
from samedream.report.reading import finite
from samedream.report.words import CANNOT_TELL, between, counted, figure, percent, significant

_VERDICTS = {
    "narrower": "{a} cuts finer than {b}, at this size of dictionary",
    "broader": "{b} cuts finer than {a}, at this size of dictionary",
    "no clear difference": "Neither {a} nor {b} cuts clearly finer",
}


@dataclass(frozen=True)
class Fineness:
    """A title, rows of (figure, value for a, value for b), other figures, and how far to trust them."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    others: tuple[tuple[str, str], ...]
    note: str


def _row(words: str, key: str, sides: tuple[Mapping[str, Any], Mapping[str, Any]], share: bool) -> tuple[str, str, str]:
    write = percent if share else significant
    a, b = (write(finite(side.get(key))) for side in sides)
    return words, a, b


def fineness(found: Mapping[str, Any] | None, names: tuple[str, str]) -> Fineness | None:
    """The granularity of a summary, or None where it has none.

    Args:
        found: ``a`` and ``b`` (medians of each side), ``containment`` (an interval), ``verdict``, ``pairs``, ``note``;
            anything else is listed as it stands.
        names: The two models, a first.
    """
    if not found:
        return None
    verdict, pairs, sides = found.get("verdict"), found.get("pairs"), (found.get("a") or {}, found.get("b") or {})
    title = _VERDICTS.get(str(verdict), f"Which of {{a}} and {{b}} cuts finer: {CANNOT_TELL}")
    rows = [
        _row("fires in (median)", "median_firing_rate", sides, share=True),
        _row("spread over articles, as if evenly over (median)", "median_effective_articles", sides, share=False),
    ]
    others = []
    if (inside := found.get("containment")) is not None:
        interval = msgspec.convert(inside, Interval)
        words = f"how much more often {names[0]}’s feature of a pair lies inside {names[1]}’s than the reverse"
        others.append((words, f"{figure(interval.value)} {between(interval)}"))
    if pairs is not None:
        others.append(("measured on", counted(int(pairs), "pair")))
    known = {"a", "b", "containment", "verdict", "pairs", "note"}
    others += flat({key: value for key, value in found.items() if key not in known})
    return Fineness(
        title.format(a=names[0], b=names[1]),
        tuple(row for row in rows if row[1:] != ("–", "–")),
        tuple(others),
        str(found.get("note") or ""),
    )
