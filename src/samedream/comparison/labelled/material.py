"""What the written comparison is made from, and which features it names as examples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from samedream.comparison.labelled.features import Feature, pairs
from samedream.labels.scores.badges import BADGES, FAIR_OR_BETTER

SELDOM = 0.2  # examples fire in at most this share of the passages: the others are mostly "the" and commas
NAMELESS = ("punctuation", "dense", "position")  # kinds whose label is no name for a concept
SOME = BADGES[:3]  # better than another feature's label on held-out passages

Pair = tuple[Feature, Feature]


@dataclass(frozen=True)
class Material:
    """Two models' features and what was measured of them.

    Attributes:
        names: Display names of a and b.
        summary: ``summary.json`` of the comparison.
        features: Side → its features, each at the place of its number.
        labelled: What was measured of the labels (``labelled.json``): ``transfer`` and ``judge``.
        seed: Of the bootstraps.
    """

    names: tuple[str, str]
    summary: Mapping[str, Any]
    features: Mapping[str, Sequence[Feature]]
    labelled: Mapping[str, Any]
    seed: int = 0

    @cached_property
    def pairs(self) -> list[Pair]:
        """Pairs that choose each other, strongest first."""
        return pairs(self.features)

    @cached_property
    def scored(self) -> bool:
        """Whether labels have badges."""
        return any(feature.badge is not None for side in self.features.values() for feature in side)

    def name(self, feature: Feature) -> str:
        """The name of the model that a feature is of."""
        return self.names[feature.side == "b"]

    def telling(self, feature: Feature) -> bool:
        """Whether a feature can stand as an example: seldom enough, called something, its label of some use."""
        well = not self.scored or feature.badge in SOME
        return bool(feature.label) and feature.firing_rate <= SELDOM and feature.kind not in NAMELESS and well

    def telling_pairs(self, chosen: Iterable[Pair]) -> list[Pair]:
        """Pairs of which both can stand as examples: fair labels first, then those that say what was not said yet."""
        fit = [pair for pair in chosen if self.telling(pair[0]) and self.telling(pair[1])]
        fit.sort(key=lambda pair: not all(one.badge in FAIR_OR_BETTER for one in pair))
        return distinct(fit, _words_of_pair)

    def examples(self, chosen: Iterable[Feature], most: int) -> list[Feature]:
        """Features that can stand as examples and say different things, fair labels first; failing those, the first."""
        listed = list(chosen)
        fit = distinct(sorted(filter(self.telling, listed), key=lambda one: one.badge not in FAIR_OR_BETTER), _words)
        return (fit or listed)[:most]


def distinct(listed: Sequence[Any], words: Callable[[Any], set[str]]) -> list[Any]:
    """Those that share no word with an earlier one, then the others, each in order."""
    first: list[Any] = []
    later: list[Any] = []
    said: set[str] = set()
    for one in listed:
        (later if words(one) & said else first).append(one)
        said |= words(one)
    return [*first, *later]


def _words(feature: Feature) -> set[str]:
    return {word.casefold() for word in feature.label.replace('"', "").split(", ")}


def _words_of_pair(pair: Pair) -> set[str]:
    return _words(pair[0]) | _words(pair[1])
