"""Sentences that say what they rest on: the figures, and the features by id. Where there is no figure, the reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from samedream.comparison.labelled.features import Feature
from samedream.records import Interval

SECTIONS = {
    "overlap": "General overlap in categories",
    "granularity": "Differences in grouping granularity",
    "style": "Stylistic emphasis",
    "anchors": "Shared conceptual anchors",
    "divergences": "Divergences",
    "summary": "Summary",
}
"""Key → title, as in the write-up that started this."""


class Claim(msgspec.Struct, frozen=True):
    """One sentence.

    Attributes:
        text: The sentence; models by their names.
        figures: Where a figure stands ("granularity.a.effective_articles" of summary.json) → the figure.
        features: The features it rests on or names: "a:12", "b:77".
    """

    text: str
    figures: dict[str, Any]
    features: list[str]


class Section(msgspec.Struct, frozen=True):
    """Claims under one heading. `gaps`: what could not be said, and why."""

    key: str
    title: str
    claims: list[Claim]
    gaps: list[str] = []


class Written(msgspec.Struct, frozen=True):
    """The comparison in words.

    Attributes:
        models: Display names of a and b.
        by: "figures", or what the language model that wrote it is called.
        sections: In the write-up's order.
        names: Feature id → label, of every feature that a claim rests on.
        dropped: Claims of a language model that were left out: reason → how many.
        notes: How to read it.
    """

    models: tuple[str, str]
    by: str
    sections: list[Section]
    names: dict[str, str]
    dropped: dict[str, int] = {}
    notes: list[str] = []


def quoted(feature: Feature) -> str:
    """A feature as a sentence names it: its label in quotation marks."""
    return f"“{feature.label}”" if feature.label else f"feature {feature.number}"


def paired(pair: tuple[Feature, Feature]) -> str:
    """A pair as a sentence names it, with its correlation."""
    one, other = pair
    both = quoted(one) if one.label == other.label else f"{quoted(one)} and {quoted(other)}"
    return f"{both} (r = {number(one.r or 0.0)})"


def ids(*features: Feature) -> list[str]:
    """Ids without repeats, in order."""
    return list(dict.fromkeys(feature.id for feature in features))


def listed(parts: Sequence[str]) -> str:
    """Parts as in a sentence: "A", "A and B", "A, B and C"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def number(value: float) -> str:
    """Two decimals, without the leading zero: ".91", "−.05", "1.00"."""
    text = f"{abs(value):.2f}"
    return ("−" if value < 0 and text.strip("0.") else "") + (text[1:] if text.startswith("0") else text)


def percent(share: float) -> str:
    """A share with two figures: "41 %", "5.2 %", "0.31 %"."""
    value = 100 * share
    places = 0 if abs(value) >= 9.95 or value == 0 else 1 if abs(value) >= 0.995 else 2
    return f"{value:.{places}f} %".replace("-", "−")


def shares(found: Interval | Mapping[str, float]) -> str:
    """A share with its interval: "57 % [45–70 %]"."""
    value, low, high = _ends(found)
    return f"{percent(value)} [{percent(low).removesuffix(' %')}–{percent(high)}]"


def numbers(found: Interval | Mapping[str, float]) -> str:
    """A figure with its interval: ".55 [.50–.60]"."""
    value, low, high = _ends(found)
    return f"{number(value)} [{number(low)}–{number(high)}]"


def amounts(found: Interval | Mapping[str, float]) -> str:
    """An amount with its interval: "103 [98–107]", "7.9 [7.6–8.2]"."""
    return "{} [{}–{}]".format(*(f"{one:.0f}" if abs(one) >= 10 else f"{one:.1f}" for one in _ends(found)))


def counted(amount: int, thing: str) -> str:
    """A count with its noun: "1 pair", "1,234 pairs"."""
    return f"{amount:,} {thing}{'' if amount == 1 else 's'}"


def figure(found: Interval | Mapping[str, float]) -> dict[str, float]:
    """An interval as plain JSON."""
    return dict(zip(("value", "low", "high"), _ends(found), strict=True))


def _ends(found: Interval | Mapping[str, float]) -> tuple[float, float, float]:
    if isinstance(found, Interval):
        return found.value, found.low, found.high
    return found["value"], found["low"], found["high"]
