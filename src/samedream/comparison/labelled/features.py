"""A feature with what became of it and what it is called: rows of matches.parquet and labels.parquet side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from samedream.comparison.table import MANY_TO_MANY, MERGE, ONE_TO_ONE, ONE_WAY, SPLIT
from samedream.errors import ComparisonError

SIDES = ("a", "b")
MATCHED = (ONE_TO_ONE, ONE_WAY, SPLIT, MERGE, MANY_TO_MANY)
LEAST_SHARE = 1 / 3  # of a feature's activation in one topic, to be called a feature of that category
_NO_CATEGORY = "uncategorized"  # how some sources spell that they have none
_COLUMNS = ("feature", "partner", "class", "r", "repeat_r", "firing_rate", "effective_articles", "entity_share")


@dataclass(frozen=True)
class Feature:
    """One feature of one side.

    Attributes:
        side: "a" or "b".
        number: Its number in the dictionary.
        partner: The feature of the other side that it matches best; None for dead and rare features.
        kind_of_match: Its class ("one-to-one", "only here", ...).
        r: Correlation with the partner.
        repeat_r: Correlation with the best feature of the model's own repeat.
        firing_rate: Share of the passages in which it fires.
        articles: Effective number of articles it spreads over.
        entity_share: Share of its peaks that are part of a name.
        children: Features of the other side that are its parts.
        label: What it is called; "" where it has no label.
        kind: What its evidence looks like ("word", "topic", ...).
        category: The topic that holds at least a third of its activation, more than in the corpus; None without one.
        badge: "strong", "fair", "weak", "none"; None where the label was not scored.
    """

    side: str
    number: int
    partner: int | None
    kind_of_match: str
    r: float | None
    repeat_r: float | None
    firing_rate: float
    articles: float | None
    entity_share: float | None
    children: tuple[int, ...]
    label: str
    kind: str
    category: str | None
    badge: str | None

    @property
    def id(self) -> str:
        """How claims name it: "a:12"."""
        return f"{self.side}:{self.number}"

    @property
    def matched(self) -> bool:
        """Whether it is shared, whole or in parts."""
        return self.kind_of_match in MATCHED


def together(matches: pa.Table, labels: Mapping[str, pa.Table]) -> dict[str, list[Feature]]:
    """Side → its features, each at the place of its number.

    Args:
        matches: ``matches.parquet``.
        labels: Side → ``labels.parquet``.

    Raises:
        ComparisonError: The labels are of a dictionary of another width.
    """
    more = [name for name in ("children",) if name in matches.column_names]
    rows = matches.select(["side", *_COLUMNS, *more]).to_pylist()
    found = {}
    for side in SIDES:
        own = sorted((row for row in rows if row["side"] == side), key=lambda row: row["feature"])
        names = labels[side].to_pylist()
        if len(own) != len(names):
            raise ComparisonError(
                f"side {side} has {len(own)} features and {len(names)} labels: the labels are of another dictionary. "
                f'Delete labels/ and rerun "samedream labels DIR"'
            )
        found[side] = [_feature(row, name) for row, name in zip(own, names, strict=True)]
    return found


def _feature(row: Mapping[str, Any], label: Mapping[str, Any]) -> Feature:
    return Feature(
        side=row["side"],
        number=row["feature"],
        partner=row["partner"],
        kind_of_match=row["class"],
        r=row["r"],
        repeat_r=row["repeat_r"],
        firing_rate=row["firing_rate"],
        articles=row["effective_articles"],
        entity_share=row["entity_share"],
        children=tuple(row.get("children") or ()),
        label=label["label"] or "",
        kind=label["kind"] or "",
        category=category(label["topics"] or (), label["topic_shares"] or ()),
        badge=label.get("badge"),
    )


def category(topics: Sequence[str], shares: Sequence[float]) -> str | None:
    """The topic with the largest share, if that is at least a third. (Labels list only topics above the corpus' share.)

    Args:
        topics: A feature's topics.
        shares: Their shares of its activation.
    """
    named = [(share, name) for name, share in zip(topics, shares, strict=True) if name.casefold() != _NO_CATEGORY]
    share, name = max(named, default=(0.0, None))
    return name if share >= LEAST_SHARE else None


def pairs(found: Mapping[str, Sequence[Feature]]) -> list[tuple[Feature, Feature]]:
    """The pairs of features that choose each other and are one concept ("one-to-one"), strongest first."""
    mutual = [
        (one, found["b"][one.partner])
        for one in found["a"]
        if one.kind_of_match == ONE_TO_ONE and one.partner is not None
    ]
    return sorted(mutual, key=lambda pair: (-(pair[0].r or 0.0), pair[0].number))
