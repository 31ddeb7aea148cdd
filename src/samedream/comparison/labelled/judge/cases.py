"""Forced choices: a feature's passages, and those of its match and of three hard negatives of the other side.

Nobody can choose by identical text, or by a shared article: the asking feature's passages are from one half of the
articles of the score fold and the options' from the other half, and no passage stands under two options.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr

OPTIONS = 4
SHOWN = 4  # passages of a feature
FEWEST = 3

Index = NDArray[np.int64]
Passages = list[list[int]]
"""Of each feature: the passages that excite it, the strongest first, one of an article."""


@dataclass(frozen=True)
class Ground:
    """Where passages may be shown from.

    Attributes:
        choosing: Rows on which match and hard negatives are chosen, int64 (the label fold).
        halves: Rows that are shown, in two halves without a common article, int64 each (the score fold).
        article: The article of each passage of the corpus, int64 ``[passages]``.
    """

    choosing: Index
    halves: tuple[Index, Index]
    article: Index


@dataclass(frozen=True)
class Case:
    """A forced choice.

    Attributes:
        feature: Who asks, of all features of its side.
        options: Features of the other side: the match, then the three others.
        own: The asking feature's passages, rows of the corpus, the strongest first.
        shown: The passages of each option.
    """

    feature: int
    options: tuple[int, ...]
    own: tuple[int, ...]
    shown: tuple[tuple[int, ...], ...]


def ground(article: Index, held_out: NDArray[np.bool_], seed: int) -> Ground:
    """Split the held-out articles in two halves.

    Args:
        article: The article of each passage, int64 ``[passages]``.
        held_out: Whether each passage is in the score fold, bool ``[passages]``.
        seed: Of the split.
    """
    articles = np.random.default_rng(seed).permutation(np.unique(article[held_out]))
    first = np.isin(article, articles[: len(articles) // 2]) & held_out
    halves = np.flatnonzero(first), np.flatnonzero(held_out & ~first)
    return Ground(np.flatnonzero(~held_out), halves, article)


def strongest(raw: Csr, rows: Index, article: Index) -> Passages:
    """The passages among some rows that excite each feature, enough to lose some to other options.

    Args:
        raw: Activity, CSR ``[passages, features]``.
        rows: Which passages.
        article: The article of each passage of the corpus.
    """
    columns = raw[rows].tocsc()
    every = []
    for first, beyond in zip(columns.indptr[:-1], columns.indptr[1:], strict=True):
        value, passage = columns.data[first:beyond], rows[columns.indices[first:beyond]]
        best: dict[int, int] = {}
        for one in passage[np.lexsort((passage, -value))]:
            best.setdefault(int(article[one]), int(one))
            if len(best) == SHOWN * OPTIONS:
                break
        every.append(list(best.values()))
    return every


def strongest_of_halves(raw: Csr, ground: Ground) -> tuple[Passages, Passages]:
    """`strongest` of each half."""
    first, second = (strongest(raw, rows, ground.article) for rows in ground.halves)
    return first, second


def draw_case(
    feature: int,
    options: Sequence[int],
    *,
    own: tuple[Passages, Passages],
    other: tuple[Passages, Passages],
    seed: int,
) -> Case | None:
    """One feature's case, None where fewer than three passages of anyone can be shown.

    Args:
        feature: Who asks.
        options: The match, then negatives, the first three of which with passages are taken.
        own: Passages of the asking side's features, on each half.
        other: Of the other side's.
        seed: Of the draws.
    """
    rng = np.random.default_rng([seed, feature])
    half = int(rng.integers(2))
    mine, theirs = own[half][feature][:SHOWN], other[1 - half]
    fit = [option for option in options if len(theirs[option]) >= FEWEST][:OPTIONS]
    if len(mine) < FEWEST or len(fit) < OPTIONS or fit[0] != options[0]:
        return None
    shown = _in_turn([theirs[option] for option in fit], rng)
    return Case(feature, tuple(fit), tuple(mine), shown) if min(map(len, shown)) >= FEWEST else None


def _in_turn(passages: Passages, rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    """Options take their strongest passages in turns, in random order, none that another has taken."""
    shown: list[list[int]] = [[] for _ in passages]
    taken: set[int] = set()
    for _ in range(SHOWN):
        for option in rng.permutation(len(passages)):
            free = next((passage for passage in passages[option] if passage not in taken), None)
            if free is not None:
                shown[option].append(free)
                taken.add(free)
    return tuple(map(tuple, shown))
