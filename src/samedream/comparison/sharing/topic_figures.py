"""The figures of topics and of boilerplate: where the matches live, and what is left without and beyond a topic."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.arena import Arena
from samedream.comparison.blocks import within
from samedream.comparison.estimates import Sampled, interval, share_interval
from samedream.comparison.sharing.text import EVIL_THREE
from samedream.comparison.sharing.topic_null import MAX_TESTED, MIN_SHUFFLES, beyond_topic, topic_null
from samedream.comparison.sharing.topics import (
    Shares,
    by_part,
    concentration,
    left_out,
    lift,
    mass,
    mean_of,
    parts,
    shares,
)
from samedream.comparison.view import FALSE_DISCOVERY_RATE, View

ANY_OF_THREE = "any of the three"
MOST_LEFT_OUT = 0.9  # of the passages; without more than that r says nothing

Index = NDArray[np.int64]
Figures = dict[str, Any]


def topics(arena: Arena, ways: dict[str, View]) -> Figures | str:
    """Matched mass by topic against the corpus, and universality with each topic left out.

    Args:
        arena: All sides.
        ways: Both directions.

    Returns:
        The figures by direction, or why there are none.
    """
    found = _parts(arena)
    return found if isinstance(found, str) else {name: _by_topic(arena, way, *found) for name, way in ways.items()}


def flags(arena: Arena, ways: dict[str, View]) -> Figures | str:
    """The same for passages of each kind of boilerplate, and for those of any of the "evil three".

    Args:
        arena: All sides.
        ways: Both directions.

    Returns:
        Direction → kind → figures, None for a kind that no passage is of; or why there are none.
    """
    given = dict(arena.context.flags)
    if not given:
        return "no kinds of boilerplate were marked"
    if all(kind in given for kind in EVIL_THREE):
        given[ANY_OF_THREE] = np.any([given[kind] for kind in EVIL_THREE], axis=0)
    return {
        name: {
            kind: _spread(arena, way, mask.astype(np.int64))[1] if mask.any() else None for kind, mask in given.items()
        }
        for name, way in ways.items()
    }


def within_topic(arena: Arena, ways: dict[str, View], columns: dict[str, Figures]) -> Figures | str:
    """What survives when articles change places within their topic only (null N2); fills the column topic_r.

    Args:
        arena: All sides.
        ways: Both directions.
        columns: Side → column → values of its eligible features.

    Returns:
        The figures by direction (None where nothing matches), or why there are none.
    """
    found = _parts(arena)
    if isinstance(found, str):
        return found
    return {name: _beyond_topic(arena, way, found[0], columns[name[0]]) for name, way in ways.items()}


def _parts(arena: Arena) -> tuple[Index, tuple[str, ...]] | str:
    if arena.context.topics is None:
        return "the topics of the passages are not known"
    part, names = parts(arena.context.topics, arena.context.topic_names, arena.blocks)
    return (part, names) if len(names) > 1 else "all passages are of one topic"


def _by_topic(arena: Arena, way: View, part: Index, names: tuple[str, ...]) -> Figures:
    direction, (corpus, found, rest) = way.found.direction, _masses(arena, way, part)
    living = by_part(direction, way.activity.matrix, part)
    rows = [
        {"topic": topic, **spread, "universality": interval(lives)}
        for topic, spread, lives in zip(names, _spread(arena, way, part), living, strict=True)
    ]
    known = [row for row in rows if row["drop"] is not None]
    largest = max(known, key=lambda row: row["drop"].value, default=None)
    return {
        "by_topic": rows,
        "gini": interval(concentration(found, corpus, direction.halves)) if found else None,
        "gini_unmatched": interval(concentration(rest, corpus, direction.halves)) if rest else None,
        "macro_universality": interval(mean_of([lives for lives in living if lives is not None])),
        "largest_drop": {key: largest[key] for key in ("topic", "drop")} if largest else None,
    }


def _masses(arena: Arena, way: View, part: Index) -> tuple[Shares, Shares | None, Shares | None]:
    """How the passages, the matched features' mass and the other features' are spread over parts."""
    matrix, passes = way.activity.matrix, way.tested.passes
    corpus = shares(np.ones(part.size), part, arena.blocks)
    if corpus is None:
        raise AssertionError("no group of articles holds all passages")
    found, rest = (shares(mass(matrix, which), part, arena.blocks) for which in (passes, ~passes))
    return corpus, found, rest


def _spread(arena: Arena, way: View, part: Index) -> list[Figures]:
    """Of each part: its share of the passages, of the mass of matched and other features, and U without it."""
    direction, (corpus, found, rest) = way.found.direction, _masses(arena, way, part)
    without = left_out(
        arena.halves(way.source), arena.halves(way.target), way.found.matching,
        part=part, blocks=arena.blocks, threshold=direction.threshold,
    )  # fmt: skip
    whole, halves = direction.universality(), direction.halves
    figures = []
    for number, left in enumerate(without):
        enough = corpus.value[number] <= MOST_LEFT_OUT
        drop = Sampled(whole.value - left.value, whole.without - left.without, halves)
        figures.append(
            {
                "corpus": float(corpus.value[number]),
                "matched": share_interval(found.part(number, halves)) if found else None,
                "unmatched": share_interval(rest.part(number, halves)) if rest else None,
                "lift": interval(lift(found, corpus, number, halves)) if found else None,
                "lift_unmatched": interval(lift(rest, corpus, number, halves)) if rest else None,
                "universality_left_out": left.interval() if enough else None,
                "drop": drop.interval() if enough else None,
            }
        )
    return figures


def _beyond_topic(arena: Arena, way: View, part: Index, columns: Figures) -> Figures | None:
    matched = np.flatnonzero(way.tested.passes)
    if not matched.size:
        return None
    topic = topic_null(
        arena.halves(way.source), arena.halves(way.target), within(arena.blocks, part),
        matched=matched, stratum=way.found.null.stratum, seed=arena.config.seed,
        permutations=max(MIN_SHUFFLES, arena.config.permutations // 4),
    )  # fmt: skip
    columns["topic_r"] = np.full(way.tested.passes.size, np.nan)
    columns["topic_r"][topic.tested] = topic.expected
    surviving, exceeding, explained = beyond_topic(way.found.direction, topic, FALSE_DISCOVERY_RATE)
    chance = np.array([scores.mean() for scores in way.found.null.scores])[way.found.null.stratum][topic.tested]
    drawn = surviving.value * (1 - surviving.value) / MAX_TESTED if matched.size > MAX_TESTED else 0.0
    return {
        "matches": int(topic.tested.size),
        "surviving": surviving.interval(extra_variance=drawn, lowest=0.0, highest=1.0),
        "above_95": exceeding.interval(extra_variance=drawn, lowest=0.0, highest=1.0),
        "explained": interval(explained),
        "explained_by_any_shuffle": float(chance.mean() / way.found.direction.r[topic.tested].mean()),
    }
