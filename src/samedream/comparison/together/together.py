"""What three models and more have in common, put together from the comparisons of every two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from samedream.comparison.together.concepts import concept_figures, concept_table, find_concepts
from samedream.comparison.together.models import Figure, Way, distances, spread_figures, spreads, ways
from samedream.comparison.together.tree import Tree, grow, standard_error
from samedream.records import Directed, Interval

NOTES = [
    "Found: the feature passes the test in the other model. Stable: it passes in its own model's repeat too; a feature "
    "that does not is no evidence of a difference.",
    "The test misses some of what is shared, and a feature must pass it once for each other model: the share found in "
    "all tends to be too low, the share found only here too high. The bounds are what the pairs' shared fractions "
    "leave possible, which correct for misses and for what a random twin gives; their intervals are taken in.",
    "A concept: features of two or more models, each the best partner of each of the others, and all pass.",
    "Distance: 1 - the mean of the normalised universality of both directions. The tree is average linkage; with few "
    "models it says little more than which two are nearest. Its support takes in the articles, not what another seed "
    "of a dictionary would change.",
]


@dataclass(frozen=True)
class Together:
    """What was found: `summary` as plain JSON values, `concepts` as `concepts.concept_table` has it."""

    summary: dict[str, Any]
    concepts: pa.Table


def put_together(
    models: Sequence[str],
    names: Mapping[str, str],
    pairs: Mapping[tuple[str, str], tuple[pa.Table, dict[str, Any]]],
    *,
    seed: int,
) -> Together:
    """Put the comparisons of every two of three models or more together.

    Args:
        models: The models, as their directories are called.
        names: Model → what to call it.
        pairs: (a, b) → matches and summary of their comparison, for every two models in their order.
        seed: Of the draws behind the tree's support.

    Raises:
        ComparisonError: The comparisons do not agree on how many features a model has.
    """
    found: dict[tuple[str, str], Way] = {}
    for (a, b), (matches, _) in pairs.items():
        found[a, b], found[b, a] = ways(matches)
    spread = spreads(models, found)
    concepts = find_concepts(models, found)
    figures = {key: _figure(pairs, key) for key in ("normalised", "shared_fraction")}
    figures["distance"] = distances(models, figures["normalised"])
    shared = figures["shared_fraction"]
    called = [names[model] for model in models]
    tree = _tree(models, names, figures["distance"], seed=seed)
    summary = {
        "models": called,
        "directories": list(models),
        "found": {
            names[model]: spread_figures(spread[model], [shared[model, other] for other in models if other != model])
            for model in models
        },
        "concepts": concept_figures(called, concepts),
        **{key: _matrix(models, names, figure) for key, figure in figures.items()},
        "tree": tree,
        "notes": NOTES if tree else [*NOTES, _no_tree(names, figures["distance"])],
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(summary))
    return Together(plain, concept_table(models, concepts, found=found, spread=spread))


def _figure(pairs: Mapping[tuple[str, str], tuple[pa.Table, dict[str, Any]]], key: str) -> Figure:
    both: dict[tuple[str, str], Interval | None] = {}
    for (a, b), (_, summary) in pairs.items():
        directed = msgspec.convert(summary[key], Directed)
        both[a, b], both[b, a] = directed.a_to_b, directed.b_to_a
    return both


def _matrix(models: Sequence[str], names: Mapping[str, str], figure: Figure) -> dict[str, dict[str, Interval | None]]:
    return {names[one]: {names[other]: figure[one, other] for other in models if other != one} for one in models}


def _tree(models: Sequence[str], names: Mapping[str, str], distance: Figure, *, seed: int) -> Tree | None:
    if any(interval is None for interval in distance.values()):
        return None
    value, deviation = np.zeros((2, len(models), len(models)))
    for one, other in permutations(models, 2):
        interval = distance[one, other]
        if interval is not None:
            place = models.index(one), models.index(other)
            value[place] = interval.value
            deviation[place] = standard_error(interval.low, interval.high, interval.confidence)
    return grow([names[model] for model in models], value, deviation, seed=seed)


def _no_tree(names: Mapping[str, str], distance: Figure) -> str:
    one, other = next(pair for pair, interval in distance.items() if interval is None)
    return (
        f"No tree: the normalised universality of {names[one]} and {names[other]} is not known both ways (see their "
        f"comparison)."
    )
