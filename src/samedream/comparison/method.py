"""How a comparison was made, and what to keep in mind, in words."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from samedream.comparison.activity import THETA_SHARE
from samedream.comparison.arena import Arena
from samedream.comparison.blocks import MIN_BLOCKS
from samedream.comparison.nulls import NULL_FEATURES, QUANTILE
from samedream.comparison.shared import Fraction
from samedream.comparison.view import FALSE_DISCOVERY_RATE
from samedream.records import Directed

COMFORTABLE_BLOCKS = 50
FEW_GROUPS = 0.05  # of the groups; of 50 normal ones, 7 carry half


def method(arena: Arena) -> dict[str, Any]:
    """The settings, in words and numbers."""
    config = arena.config
    return {
        "similarity": "Pearson correlation of log1p(activity / theta) per passage, all pairs of features",
        "theta": f"{THETA_SHARE:.0%} of the feature's maximum",
        "kept_per_passage": config.keep_per_passage,
        "retained_activity": {name: side.retained for name, side in arena.sides.items()},
        "eligible_features": {name: int(side.eligible.size) for name, side in arena.sides.items()},
        "min_passages": config.min_passages,
        "partner": "chosen on one half of the articles, scored on the other, both ways round, averaged",
        "null": "whole articles shuffled within each half, the same choosing and scoring, pooled by firing rate",
        "permutations": config.permutations,
        "null_features_per_permutation": NULL_FEATURES,
        "threshold_quantile": QUANTILE,
        "test": _test_in_words(arena),
        "false_discovery_rate": FALSE_DISCOVERY_RATE,
        "interval": "95 %, delete-one-group jackknife over articles; universality's adds the variance over dictionary "
        "seeds, the shared fraction's that of which features another dictionary would have found",
        "jackknife_groups": sum(half.n_groups for half in arena.blocks.halves),
        "seed": config.seed,
    }


def _test_in_words(arena: Arena) -> str:
    floors = any(name.endswith("_floor") for name in arena.sides)
    return "Benjamini-Hochberg on each feature's p against shuffled articles" + (
        "; and its win over what it finds in the random twins, at the false rate that losses show (knockoff+)"
        if floors
        else ""
    )


def notes(arena: Arena) -> list[str]:
    """What to keep in mind when reading the figures."""
    sides = arena.sides
    found = list(arena.notes)
    if _same(arena, "left", "right"):
        found.append("The two sides are identical: this compares a dictionary with itself.")
    found += [
        f"The {name} repeat is identical to {name}: its ceiling says nothing about another seed."
        for name in ("left", "right")
        if f"{name}_repeat" in sides and _same(arena, name, f"{name}_repeat")
    ]
    if not {"left_floor", "right_floor"} & sides.keys():
        found.append(
            "No random twin was given: a match is more than chance, but it may be no more than any network, trained or "
            "not, shows on the same words."
        )
    if not {"left_repeat", "right_repeat"} <= sides.keys():
        found.append(
            "A repeat with another seed is missing: what a model does not find again in itself cannot be told from "
            "what the other model lacks."
        )
    if arena.blocks.count < COMFORTABLE_BLOCKS:
        found.append(
            f"The passages are from {arena.blocks.count} articles (at least {MIN_BLOCKS} are needed, "
            f"{COMFORTABLE_BLOCKS} or more are comfortable): the intervals are rough."
        )
    return [
        *found,
        "Shared vocabulary explains part of every match: two features that follow one word match, whatever the models "
        "make of it. No figure but those of sharing takes that part out.",
        _of_seeds(sides),
        "The jackknife keeps partners and thresholds; it does not choose them again.",
    ]


def hanging(fractions: Mapping[str, Fraction | None]) -> list[str]:
    """Which of the shared fractions' intervals hang on a few articles: a note each.

    Args:
        fractions: "a_to_b" and "b_to_a".
    """
    found = []
    for way, fraction in fractions.items():
        if fraction is None:
            continue
        sampled = fraction.sampled
        few = sampled.carriers(extra_variance=fraction.of_dictionaries)
        if few.size <= FEW_GROUPS * sampled.without.size and sampled.variance() > 0:
            without = float(np.clip(sampled.value + (sampled.without[few] - sampled.value).sum(), 0.0, 1.0))
            found.append(
                f"The shared fraction's interval, {way.replace('_', ' ')}, hangs on few articles: {few.size} of "
                f"{sampled.without.size} groups of articles {'carries' if few.size == 1 else 'carry'} half of its "
                f"variance; without them the figure is about {without:.2f}. One odd passage can do that, such as one "
                "with an attention sink."
            )
    return found


def barred(shared: Directed, least_q: Mapping[str, tuple[float, float]]) -> list[str]:
    """Where no feature passes the test although some are shared, since too many lose against a twin: a note each way.

    A feature that a twin shows better than the other model does is a loss whatever the reason, and the test takes as
    many wins for worthless. Tokens that only one model has, and its twin, are such: then the classes cannot tell.

    Args:
        shared: The shared fraction.
        least_q: "a_to_b", "b_to_a" → the least q of all features against shuffled articles alone, and with the twins,
            where twins were given.
    """
    found = []
    for way, (alone, q) in least_q.items():
        fraction = getattr(shared, way)
        if fraction is not None and fraction.low > 0 and alone <= FALSE_DISCOVERY_RATE < q:
            found.append(
                f"No feature passes the test, {way.replace('_', ' ')} (the least q is {q:.2f}), although the shared "
                f"fraction is above 0: too many features are found better in a random twin than in the other model, "
                f"such as those of tokens that only one of the models has. 'Only here' and 'unstable' cannot be told "
                f"from shared then; r and the shared fraction do not rest on the test."
            )
    return found


def _of_seeds(sides: Collection[str]) -> str:
    if {"left_repeat", "right_repeat"} <= set(sides):
        return (
            "The intervals of universality and normalised hold what another seed of either dictionary changes, from "
            "two seeds of each: that part is rough. Those of floor and ceiling are over articles alone."
        )
    return "The intervals are over articles and do not hold what another seed of the dictionary would change."


def _same(arena: Arena, one: str, other: str) -> bool:
    x, y = arena.sides[one].raw, arena.sides[other].raw
    return (
        x.shape == y.shape
        and x.nnz == y.nnz
        and bool(
            np.array_equal(x.indptr, y.indptr)
            and np.array_equal(x.indices, y.indices)
            and np.array_equal(x.data, y.data)
        )
    )
