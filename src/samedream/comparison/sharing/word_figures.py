"""The figures of words: the floor that they make, and what is left of the matches without them (protocol 3.7)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.activity import prepare
from samedream.comparison.arena import Arena
from samedream.comparison.estimates import (
    CONFIDENCE,
    Direction,
    Sampled,
    interval,
    jackknife_variance,
    lowest_passing,
    share_interval,
    soft_pass,
)
from samedream.comparison.sharing.topic_null import MIN_SHUFFLES
from samedream.comparison.sharing.words import (
    SURFACE_SHARE,
    Partial,
    Vocabulary,
    best_words,
    pair_words,
    vocabulary,
    without_words,
)
from samedream.comparison.view import View

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """What is regressed out: the words, and side → the best words of its features on each half."""

    words: Vocabulary
    best: dict[str, tuple[Index, Index]]


def words(arena: Arena, ways: dict[str, View], columns: dict[str, Figures]) -> Figures | str:
    """How far the matches are vocabulary; fills the columns word, word_r and r_without_words.

    Args:
        arena: All sides.
        ways: Both directions.
        columns: Side → column → values of its eligible features.

    Returns:
        The figures by direction, or why there are none.
    """
    if arena.context.words is None:
        return "the words of the passages are not known"
    settings = arena.config.model_copy(update={"keep_per_passage": None, "min_passages": 1})
    dictionary = prepare(arena.context.words, "words", settings)  # its features fire where the word stands
    if dictionary.eligible.size == 0:
        return "the passages have no words"
    fewer = arena.config.model_copy(update={"permutations": max(MIN_SHUFFLES, arena.config.permutations // 4)})
    arena = replace(arena, sides={**arena.sides, "words": dictionary}, config=fewer)
    halves = arena.halves("words")
    taken = Taken(vocabulary(halves), {side: best_words(arena.halves(side), halves) for side in ("left", "right")})
    figures = {name: _one_way(arena, way, taken, columns[name[0]]) for name, way in ways.items()}
    return {"vocabulary": int(dictionary.eligible.size), **figures}


def _one_way(arena: Arena, way: View, taken: Taken, columns: Figures) -> Figures:
    alone = arena.pairing(way.source, "words")
    if alone is None:
        raise AssertionError("the words are there")
    partial, other = _regressed(arena, way, taken)
    r, direction, passes = alone.direction, way.found.direction, way.tested.passes
    names = np.array(arena.context.word_names)
    columns["word"] = names[arena.sides["words"].eligible[alone.matching.partner]]
    columns["word_r"], columns["r_without_words"] = r.r, partial.r
    left = replace(
        direction, r=partial.r, without=partial.without, chance=np.zeros_like(partial.r), chance_variance=0.0
    )
    again = way.repeat_tested
    of_repeat = _surface(r, way.repeat.direction, again.passes) if way.repeat and again else None
    return {
        "floor": r.universality().interval(),
        "surface_share": share_interval(_surface(r, direction, passes)),
        "surface_share_repeat": share_interval(of_repeat),
        "mean_r": _means(direction.r, passes),
        "mean_word_r": _means(r.r, passes),
        "mean_r_without_words": _means(partial.r, passes),
        "explained": interval(_explained(partial, direction, passes)),
        "explained_by_others_words": interval(_explained(other, direction, passes)),
        "surviving": share_interval(_surviving(partial, way)),
        "universality_without_words": left.universality().interval(),
    }


def _regressed(arena: Arena, way: View, taken: Taken) -> tuple[Partial, Partial]:
    """With each pair's own words taken out, and, as the control, with another pair's."""
    matching = way.found.matching
    own = pair_words(matching, taken.best[way.source], taken.best[way.target])
    others = (np.roll(own[0], 1, axis=0), np.roll(own[1], 1, axis=0))
    one, two = (
        without_words(
            arena.halves(way.source), arena.halves(way.target), matching,
            words=taken.words, lists=lists, blocks=arena.blocks,
        )
        for lists in (own, others)
    )  # fmt: skip
    return one, two


def _surface(word: Direction, match: Direction, passes: Mask) -> Sampled | None:
    if not passes.any():
        return None
    more = (word.r - SURFACE_SHARE * match.r)[passes]
    without = (word.without - SURFACE_SHARE * match.without)[:, passes]
    return Sampled(float((more >= 0).mean()), soft_pass(without, 0.0).mean(axis=1), match.halves)


def _explained(partial: Partial, direction: Direction, passes: Mask) -> Sampled | None:
    """The share of the matches' mean r that goes with the words."""
    if not passes.any():
        return None
    value = 1 - partial.r[passes].mean() / direction.r[passes].mean()
    without = 1 - partial.without[:, passes].mean(axis=1) / direction.without[:, passes].mean(axis=1)
    return Sampled(float(value), without, direction.halves)


def _surviving(partial: Partial, way: View) -> Sampled | None:
    """The share of the matches that reach their test's bar still, by a margin above 0 that is not by chance.

    The residuals of features that fire on a word lie in its passages alone: their correlation is noisier than the test
    knows, so it must also be above the one-sided 95 % end of its own jackknife.
    """
    passes, halves = way.tested.passes, way.found.direction.halves
    if not passes.any():
        return None
    r, without = partial.r[passes], partial.without[:, passes]
    noise = stats.t.ppf(CONFIDENCE, sum(halves) - 2) * np.sqrt(jackknife_variance(without, halves))
    bar = np.maximum(lowest_passing(way.found.direction.r, passes, way.found.null.stratum)[passes], noise)
    return Sampled(float((r >= bar).mean()), soft_pass(without, bar).mean(axis=1), halves)


def _means(values: Floats, passes: Mask) -> dict[str, float | None]:
    """Of the matched features, of the others, and of all."""
    parts = {"matched": values[passes], "unmatched": values[~passes], "all": values}
    return {name: float(part.mean()) if part.size else None for name, part in parts.items()}
