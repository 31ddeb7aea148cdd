"""All the sides of a comparison on the same passages, and the pairings of two of them that the figures need."""

from dataclasses import dataclass, field
from typing import Any

from samedream.comparison.activity import Activity, prepare, require_eligible
from samedream.comparison.blocks import Blocks, split_blocks
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.estimates import Direction
from samedream.comparison.matching import Halves, Matching, halves_of, match
from samedream.comparison.nulls import Null, permutation_null, strata, stratum_edges
from samedream.errors import ComparisonError

REQUIRED = ("left", "right")


@dataclass(frozen=True)
class Pairing:
    """The features of one side looking for partners in another: partners, null, and what the figures are made of."""

    matching: Matching
    null: Null
    direction: Direction


@dataclass
class Arena:
    """Sides by name ("left", "right_floor"); those that were not given, or hold nothing to compare, are missing."""

    sides: dict[str, Activity]
    blocks: Blocks
    config: ComparisonConfig
    notes: list[str]
    context: Context
    _halves: dict[str, Halves] = field(default_factory=dict)
    _matchings: dict[tuple[str, str], Matching] = field(default_factory=dict)

    def halves(self, name: str) -> Halves:
        """The two halves of a side, made once."""
        if name not in self._halves:
            self._halves[name] = halves_of(self.sides[name], self.blocks)
        return self._halves[name]

    def matching(self, source: str, target: str) -> Matching:
        """Partners of `source`'s features in `target`; both directions come from one pass."""
        if (source, target) not in self._matchings:
            forth, back = match(self.halves(source), self.halves(target), self.blocks)
            self._matchings[source, target], self._matchings[target, source] = forth, back
        return self._matchings[source, target]

    def pairing(self, source: str, target: str) -> Pairing | None:
        """The pairing of two sides in one direction, or None where one of them is missing."""
        if source not in self.sides or target not in self.sides:
            return None
        matching = self.matching(source, target)
        support = self.sides[source].support
        null = permutation_null(
            self.halves(source),
            self.halves(target),
            self.blocks,
            stratum=strata(support, stratum_edges(support)),
            permutations=self.config.permutations,
            seed=self.config.seed,
            what=f"{source} to {target}".replace("_", " "),
        )
        direction = Direction(
            r=matching.r,
            without=matching.without,
            threshold=null.threshold,
            chance=null.chance,
            chance_variance=null.chance_variance,
            halves=self.blocks.n_groups,
        )
        return Pairing(matching=matching, null=null, direction=direction)


def enter(given: dict[str, Any], blocks: Any, config: ComparisonConfig, context: Context) -> Arena:
    """Check all sides and make them comparable.

    Args:
        given: Name → activity ``[passages, features]``, or None where there is none (left and right must be there).
        blocks: The article of each passage.
        config: The settings.
        context: What is known beside activity.

    Raises:
        ComparisonError: A side is not activity, the sides or the context differ in their passages, there are too few
            articles, or left or right has no feature that can be compared.
    """
    if not isinstance(config, ComparisonConfig):
        raise ComparisonError(
            f"config is of type {type(config).__name__}, expected ComparisonConfig; repeats and twins go by name "
            f"(left_repeat=...)"
        )
    sides = {
        name: prepare(matrix, name, config) for name, matrix in given.items() if name in REQUIRED or matrix is not None
    }
    passages = sides["left"].passages
    notes = []
    for name, activity in list(sides.items()):
        if activity.passages != passages:
            raise ComparisonError(
                f"{name} has {activity.passages} passages, left has {passages}: every side must hold the same "
                f"passages in the same order"
            )
        if name in REQUIRED:
            require_eligible(activity, name, config.min_passages)
        elif activity.eligible.size == 0:
            notes.append(
                f"{name.replace('_', ' ')} was left out: none of its features fires in {config.min_passages} passages."
            )
            del sides[name]
    context.require_fit(passages)
    split = split_blocks(blocks, passages, config.seed)
    return Arena(sides=sides, blocks=split, config=config, notes=notes, context=context)
