"""Where matched features live: their mass by topic or kind of passage, and what is found without each (protocol 3.7).

All figures carry a jackknife over articles (`estimates.Sampled`); partners and thresholds stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr
from samedream.comparison.blocks import Blocks
from samedream.comparison.correlation import PANEL_BYTES, pearson
from samedream.comparison.estimates import Direction, Sampled
from samedream.comparison.matching import Halves, Matching
from samedream.comparison.nulls import calibrated
from samedream.comparison.products import group_sums

MIN_ARTICLES = 10  # a smaller topic is counted with the rest
MAX_TOPICS = 24
REST = "(other)"

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Shares:
    """Shares of parts in a whole, float64 ``[parts]``, and the same without each group, ``[groups, parts]``."""

    value: Floats
    without: Floats

    def part(self, number: int, halves: tuple[int, int]) -> Sampled:
        """One part's share."""
        return Sampled(float(self.value[number]), self.without[:, number], halves)


def parts(topics: Index, names: tuple[str, ...], blocks: Blocks) -> tuple[Index, tuple[str, ...]]:
    """Topics large enough to have figures of their own, the largest first, and the rest.

    Args:
        topics: Of each passage, -1 where it has none.
        names: Of the topics.
        blocks: The articles.

    Returns:
        The part of each passage, int64 ``[passages]``, and the names; the last is "(other)" where there is a rest.
    """
    articles = [np.unique(blocks.code[topics == number]).size for number in range(len(names))]
    passages = [int((topics == number).sum()) for number in range(len(names))]
    large = sorted((n for n in range(len(names)) if articles[n] >= MIN_ARTICLES), key=lambda n: (-passages[n], n))
    large = large[:MAX_TOPICS]
    part = np.full(topics.size, len(large), dtype=np.int64)
    for position, number in enumerate(large):
        part[topics == number] = position
    rest = (REST,) if (part == len(large)).any() else ()
    return part, tuple(names[number] for number in large) + rest


def mass(matrix: Csr, features: Mask) -> Floats:
    """How much of some features' activity lies in each passage; every feature counts alike, float64 ``[passages]``.

    Args:
        matrix: ``[passages, features]``, at least 0.
        features: Which features.
    """
    total: Floats = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    weight = np.where(features & (total > 0), 1 / np.maximum(total, 1e-30), 0.0)
    result: Floats = matrix @ weight
    return result


def shares(weight: Floats, part: Index, blocks: Blocks) -> Shares | None:
    """How a weight of passages is spread over parts; None where it is zero, or gone with one group of articles.

    Args:
        weight: Of each passage; ones for the corpus itself.
        part: Of each passage.
        blocks: The halves and their groups.
    """
    n = int(part.max()) + 1
    table = np.zeros((sum(blocks.n_groups), n))
    np.add.at(table, (blocks.group, part), weight)
    whole = table.sum(axis=0)
    rest = whole - table
    if whole.sum() <= 0 or rest.sum(axis=1).min() <= 0:
        return None
    return Shares(whole / whole.sum(), rest / rest.sum(axis=1, keepdims=True))


def lift(found: Shares, corpus: Shares, number: int, halves: tuple[int, int]) -> Sampled | None:
    """Share of the matched mass over share of the corpus: 1 where the matches are spread as the passages are."""
    if corpus.value[number] <= 0 or corpus.without[:, number].min() <= 0:
        return None
    value = float(found.value[number] / corpus.value[number])
    return Sampled(value, found.without[:, number] / corpus.without[:, number], halves)


def concentration(found: Shares, corpus: Shares, halves: tuple[int, int]) -> Sampled:
    """Gini coefficient of a mass over topics, against the corpus: 0 where every topic has its share."""
    without = [gini(*row) for row in zip(found.without, corpus.without, strict=True)]
    return Sampled(gini(found.value, corpus.value), np.array(without), halves)


def gini(share: Floats, of: Floats) -> float:
    """``1 - sum_k (C_k - C_{k-1})(M_k + M_{k-1})``, cumulated in the order of ``share / of``; empty parts do not count.

    Args:
        share: Of the mass in each part, sums to 1.
        of: Of the population in each part, sums to 1.
    """
    there = of > 0
    order = np.argsort(share[there] / of[there], kind="stable")
    upto = np.concatenate([[0.0], np.cumsum(share[there][order])])
    return float(1 - (of[there][order] * (upto[1:] + upto[:-1])).sum())


def by_part(direction: Direction, matrix: Csr, part: Index) -> list[Sampled | None]:
    """U weighted with each feature's activity in a part: how well the features that live there are found.

    Args:
        direction: How the features are found.
        matrix: Their activity ``[passages, features]``.
        part: Of each passage.
    """
    score, without = (calibrated(r, direction.threshold) for r in (direction.r, direction.without))
    total = np.maximum(np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel(), 1e-30)
    figures: list[Sampled | None] = []
    for number in range(int(part.max()) + 1):
        weight = (matrix.T @ (part == number).astype(np.float64)) / total
        whole = float(weight.sum())
        figures.append(
            Sampled(float(score @ weight) / whole, without @ weight / whole, direction.halves) if whole > 0 else None
        )
    return figures


def mean_of(figures: list[Sampled]) -> Sampled:
    """The mean of figures of the same articles, jackknifed together."""
    without = np.mean([figure.without for figure in figures], axis=0)
    return Sampled(float(np.mean([figure.value for figure in figures])), without, figures[0].halves)


def left_out(
    left: Halves, right: Halves, matching: Matching, *, part: Index, blocks: Blocks, threshold: Floats
) -> list[Sampled]:
    """U with the passages of each part left out: r is measured again without them, partners and thresholds stay.

    Args:
        left: The side whose features look for partners.
        right: The side that has them.
        matching: The partners.
        part: Of each passage.
        blocks: The halves and their groups.
        threshold: tau of each feature.
    """
    n = int(part.max()) + 1
    groups = blocks.n_groups
    value, without = np.zeros(n), np.zeros((sum(groups), n))
    features = threshold.size
    for chosen in _panels(features, 4 * 8 * 5 * n * sum(groups)):  # sums, and what is made of them
        r, jackknife = [], []
        for h, half in enumerate(blocks.halves):  # scored here, chosen on the other
            one, each = _without_parts(
                (left[h].columns[:, chosen], right[h].columns, matching.chosen[1 - h][chosen]),
                (part[half.rows], n),
                (half.groups, half.n_groups),
            )
            r.append(one)
            jackknife.append(each)
        value += calibrated((r[0] + r[1]) / 2, threshold[chosen]).sum(axis=-1)
        for own, other, rows in ((0, 1, slice(0, groups[0])), (1, 0, slice(groups[0], None))):
            score = calibrated((jackknife[own] + r[other][:, None]) / 2, threshold[chosen])
            without[rows] += score.sum(axis=-1).T
    return [Sampled(float(value[k]) / features, without[:, k] / features, groups) for k in range(n)]


def _without_parts(
    pairs: tuple[Csr, Csr, Index], parts: tuple[Index, int], groups: tuple[Index, int]
) -> tuple[Floats, Floats]:
    """The r without each part, ``[parts, features]``, and also without each group, ``[parts, groups, features]``."""
    (part, n), (group, n_groups) = parts, groups
    cell = part * n_groups + group
    sums = group_sums(*pairs, groups=cell, n_groups=n * n_groups).reshape(5, n, n_groups, -1)
    count = np.bincount(cell, minlength=n * n_groups).reshape(n, n_groups).astype(np.float64)
    total, passages = sums.sum(axis=(1, 2)), float(count.sum())
    outside = _exact(total[:, None] - sums.sum(axis=2), total[:, None])
    n_outside = np.maximum(passages - count.sum(axis=1), 1.0)
    rest = _exact(outside[:, :, None] - sums.sum(axis=1)[:, None] + sums, total[:, None, None])
    n_rest = np.maximum(n_outside[:, None] - count.sum(axis=0) + count, 1.0)
    return pearson(n_outside[:, None], *outside), pearson(n_rest[:, :, None], *rest)


def _exact(difference: Floats, of: Floats) -> Floats:
    """0 for what rounding leaves of a feature that is silent outside a part."""
    cleaned: Floats = np.where(difference > 1e-9 * of, difference, 0.0)
    return cleaned


def _panels(features: int, bytes_each: int) -> Iterator[slice]:
    width = max(1, PANEL_BYTES // bytes_each)
    for start in range(0, features, width):
        yield slice(start, min(start + width, features))
