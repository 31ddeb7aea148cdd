"""What a pair's features have to do with further features: their parts, what they are parts of, whom they are given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from samedream.report.pairs import Match, Pair
from samedream.report.reading import Model

_SIDES = "ab"


@dataclass(frozen=True)
class Relative:
    """A further feature: its label, or its number where it has none, and its card on the page, "" where it has none."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Relation:
    """How a feature is related, in words, to features of one side (0 for a, 1 for b)."""

    words: str
    side: int
    relatives: tuple[Relative, ...]


def told(pair: Pair) -> list[Match]:
    """The rows whose relations a pair's card tells: the partner's own are another matter where the match fails."""
    return [row for row in (pair.seen, pair.back if pair.seen.passed else None) if row is not None]


def related(pairs: Iterable[Pair]) -> tuple[set[int], set[int]]:
    """The further features of a and of b that these pairs' cards name."""
    found: tuple[set[int], set[int]] = (set(), set())
    for pair in pairs:
        for row in told(pair):
            assigned = () if row.assigned is None else (row.assigned,)
            found[1 - _SIDES.index(row.side)].update((*row.children, *row.parents, *assigned))
    return found


def relations(
    pair: Pair, models: tuple[Model, Model], names: tuple[str, str], anchors: Mapping[tuple[int, int], str]
) -> tuple[Relation, ...]:
    """The relations of a pair's features.

    Args:
        pair: The two features.
        models: Both models' features, as far as they are read.
        names: What the two models are called.
        anchors: (side, feature) → a card that shows it.
    """
    found = []
    for row in told(pair):
        own = _SIDES.index(row.side)
        other = 1 - own
        assigned = () if row.assigned is None or row.assigned == row.partner else (row.assigned,)
        for words, features in (
            (f"{names[other]} has {names[own]}’s feature in parts", row.children),
            (f"{names[own]}’s feature is a part of {names[other]}’s", row.parents),
            (f"one to one, {names[own]}’s feature goes to", assigned),
        ):
            relatives = tuple(_relative(feature, other, models[other], anchors) for feature in features)
            if relatives:
                found.append(Relation(words, other, relatives))
    return tuple(found)


def _relative(number: int, side: int, model: Model, anchors: Mapping[tuple[int, int], str]) -> Relative:
    feature = model.features.get(number)
    label = feature.label if feature and feature.label else f"feature {number}"
    return Relative(label, anchors.get((side, number), ""))
