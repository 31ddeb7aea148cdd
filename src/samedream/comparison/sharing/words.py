"""How much of a match is vocabulary: each feature's best word, and what is left of r when words are regressed out.

The partial correlation of feature x and partner y given words W, the best of each (protocol 3.7): partner and words are
chosen on one half of the articles; on the other both are regressed on W by least squares, and the residuals correlated.
The coefficients have to be fitted where they are used: those of another half are off by the same chance for x and y
where a word is rare, and what is then taken off both makes them alike (measured: an r of 0 became .3).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import compact
from samedream.comparison.blocks import Blocks, Half
from samedream.comparison.correlation import PANEL_BYTES, Side, panels, pearson
from samedream.comparison.matching import Halves, Matching
from samedream.comparison.products import sums
from samedream.comparison.sharing.residuals import residual_sums

WORDS_EACH = 5  # of the feature, and of its partner
SURFACE_SHARE = 0.8  # of the match's r: with this much from one word it is a surface match (protocol 3.7)
_RIDGE = 1e-6  # of a word's variance: a word may be among the best of both
_EXPLAINED = 1e-6  # residual variance below this share of the variance is rounding, not a feature

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Partial:
    """Held-out correlation with words regressed out, float64 ``[features]``, and without each group of articles."""

    r: Floats
    without: Floats


@dataclass(frozen=True)
class Vocabulary:
    """The words of a comparison.

    Attributes:
        halves: How often they stand in each passage, on both halves.
        grams: ``W^T W`` on both halves, float32 ``[words, words]``.
    """

    halves: Halves
    grams: tuple[NDArray[np.float32], NDArray[np.float32]]


def vocabulary(halves: Halves) -> Vocabulary:
    """Prepare words for regressions."""
    first, second = (sums(half.columns, half.rows) for half in halves)
    return Vocabulary(halves, (first, second))


def best_words(features: Halves, words: Halves) -> tuple[Index, Index]:
    """The words that correlate best with each feature, on each half, int64 ``[features, at most 5]``."""
    first, second = (_best(*both) for both in zip(features, words, strict=True))
    return first, second


def _best(features: Side, words: Side) -> Index:
    count = min(WORDS_EACH, words.features)
    return np.concatenate([np.argpartition(-r, count - 1, axis=1)[:, :count] for _, r in panels(features, words)])


def pair_words(matching: Matching, of_left: tuple[Index, Index], of_right: tuple[Index, Index]) -> tuple[Index, Index]:
    """The best words of each feature and of the partner chosen on the same half, int64 ``[features, at most 10]``."""
    first, second = (
        np.concatenate([mine, theirs[partner]], axis=1)
        for mine, theirs, partner in zip(of_left, of_right, matching.chosen, strict=True)
    )
    return first, second


def without_words(
    left: Halves, right: Halves, matching: Matching, *, words: Vocabulary, lists: tuple[Index, Index], blocks: Blocks
) -> Partial:
    """The r of each feature and its partner with words regressed out of both.

    Args:
        left: The side whose features look for partners.
        right: The side that has them.
        matching: The partners.
        words: The words.
        lists: The words to take out of each pair that was chosen on half 1, and on half 2, int64 ``[features, k]``.
        blocks: The halves and their groups.
    """
    (second, without_second), (first, without_first) = (  # by the half that scores; the other chose
        _partial(left[o], right[o], matching.chosen[h], words=(words.halves[o], words.grams[o], lists[h]), half=half)
        for h, o, half in ((0, 1, blocks.halves[1]), (1, 0, blocks.halves[0]))
    )
    return Partial((first + second) / 2, np.concatenate([(without_first + second) / 2, (without_second + first) / 2]))


def _partial(
    left: Side, right: Side, partner: Index, *, words: tuple[Side, NDArray[np.float32], Index], half: Half
) -> tuple[Floats, Floats]:
    dictionary, _, lists = words
    weight = np.stack(
        [_least_squares(left, np.arange(partner.size), words=words), _least_squares(right, partner, words=words)]
    )
    parts = residual_sums(
        (left.columns, right.columns, dictionary.columns), partner,
        lists=lists, weight=weight, groups=half.groups, n_groups=half.n_groups,
    )  # fmt: skip
    n, counts = float(half.rows.size), np.bincount(half.groups, minlength=half.n_groups).astype(np.float64)
    total = parts.sum(axis=1)
    left_over = (
        (total[2] - total[0] ** 2 / n) * left.inverse**2,
        (total[3] - total[1] ** 2 / n) * right.inverse[partner] ** 2,
    )
    there = np.minimum(*left_over) > _EXPLAINED
    whole, without = pearson(n, *total), pearson((n - counts)[:, None], *(total[:, None] - parts))
    return np.where(there, whole, 0.0), np.where(there, without, 0.0)


def _least_squares(side: Side, columns: Index, *, words: tuple[Side, NDArray[np.float32], Index]) -> Floats:
    """Coefficients of each feature on its words, float64 ``[columns, words each]``."""
    dictionary, gram, lists = words
    n = dictionary.rows.shape[0]
    mean = dictionary.mean[lists]
    with_feature = np.empty(lists.shape)
    for some in _panels(columns.size, dictionary.features):
        picked = compact(sparse.csc_array(side.columns[:, columns[some]]))
        with_feature[some] = np.take_along_axis(sums(picked, dictionary.rows), lists[some], axis=1)
    target = with_feature / n - mean * side.mean[columns][:, None]
    covariance = gram[lists[:, :, None], lists[:, None, :]].astype(np.float64) / n - mean[:, :, None] * mean[:, None, :]
    at = np.arange(lists.shape[1])
    variance = covariance[:, at, at]
    covariance[:, at, at] = np.where(variance > 1e-12, variance * (1 + _RIDGE), 1.0)
    weight: Floats = np.linalg.solve(covariance, target[:, :, None])[:, :, 0]
    return weight


def _panels(features: int, words: int) -> Iterator[slice]:
    """Panels of features whose products with all words take no more than 128 MiB."""
    width = max(1, PANEL_BYTES // (4 * words))
    for start in range(0, features, width):
        yield slice(start, min(start + width, features))
