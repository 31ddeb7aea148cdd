"""How far a feature's label can be trusted: its badge and the score that the badge rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BADGES = ("strong", "fair", "weak", "none")
MEANING = {
    "strong": "tells this feature’s passages from others far better than other labels do",
    "fair": "tells this feature’s passages from others clearly better than other labels do",
    "weak": "tells this feature’s passages from others a little better than other labels do",
    "none": "does no better here than another feature’s label",
}
_READS = {"rule": "by its words", "embedding": "by its meaning"}
_ENDS = ("_low", "_high", "_shuffled")
_SCORES = ("embedding", "rule", "detection", "fuzzing", "intruder")
_OF_SCORES = tuple(f"{name}{end}" for name in _SCORES for end in ("", *_ENDS))
COLUMNS = ("badge", "headline", "label_source", "description", *_OF_SCORES)
"""Columns of labels.parquet that are read where they are there."""


@dataclass(frozen=True)
class Score:
    """One score of a label on held-out passages: an AUC with its interval, and another feature's label's."""

    words: str
    value: float
    low: float | None
    high: float | None
    shuffled: float | None


@dataclass(frozen=True)
class Trust:
    """A label's badge, what it means in words, and its scores, the one that the badge rests on first."""

    badge: str
    meaning: str
    scores: tuple[Score, ...]
    source: str
    description: str


def trust(row: Mapping[str, Any]) -> Trust | None:
    """What a row of labels.parquet says of its label; None where it was not scored.

    Args:
        row: The columns in `COLUMNS` that the table has.
    """
    badge = row.get("badge")
    if badge not in BADGES:
        return None
    first = str(row.get("headline") or "")
    names = sorted((name for name in _SCORES if row.get(name) is not None), key=lambda name: name != first)
    scores = tuple(
        Score(_READS.get(name, name), float(row[name]), *(row.get(f"{name}{end}") for end in _ENDS)) for name in names
    )
    llm = row.get("label_source") == "llm"
    return Trust(badge, MEANING[badge], scores, "a language model" if llm else "", str(row.get("description") or ""))
