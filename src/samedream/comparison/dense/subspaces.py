"""Measures that fit a map on one half of the articles and score it on the other: CCA, Procrustes and ridge.

All run on the leading principal components of each side (`grams.Components`), and all are functions of the components'
sums of products on the two halves. The value is the mean of both ways round.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.blocks import Blocks, Half
from samedream.comparison.dense.calibration import Measured
from samedream.comparison.dense.grams import Components, Gram
from samedream.comparison.estimates import Sampled
from samedream.comparison.ridge import best_penalty

CANONICAL = 20  # components for CCA: a canonical correlation of a component that is noise is noise
_PENALTIES = np.logspace(-6, 1, 15)  # as shares of the largest eigenvalue
_ROUNDING = 1e-9  # of the training half's variance: a test half that has no more does not vary

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Moments:
    """Sums of products of left's p and right's q components, centred on the training half's mean.

    Attributes:
        left: ``diag(X'X)`` of the training half, ``[p]``: its components are orthogonal.
        right: ``diag(Y'Y)`` of the training half, ``[q]``.
        across: ``X'Y`` of the training half, ``[p, q]``.
        passages: Of the training half.
        test_left: ``X'X`` of the test half, ``[..., p, p]``; the axes before are variants of the test half.
        test_right: ``Y'Y``, ``[..., q, q]``.
        test_across: ``X'Y``, ``[..., p, q]``.
    """

    left: Floats
    right: Floats
    across: Floats
    passages: int
    test_left: Floats
    test_right: Floats
    test_across: Floats

    def turned(self) -> "Moments":
        """Left and right exchanged."""
        return Moments(
            left=self.right,
            right=self.left,
            across=self.across.T,
            passages=self.passages,
            test_left=self.test_right,
            test_right=self.test_left,
            test_across=self.test_across.swapaxes(-1, -2),
        )


def procrustes(given: Moments) -> Floats:
    """Cosine ``<X R, Y> / (|X| |Y|)`` of the test half, R a rotation fitted on the training half, ``[...]``.

    R is ``U V'`` of the singular value decomposition of the training half's ``X'Y`` (Schönemann 1966); both sides have
    as many components as the smaller one. NaN where the test half does not vary.
    """
    q = min(given.left.size, given.right.size)
    u, _, v = np.linalg.svd(given.across[:q, :q])
    inner = ((u @ v) * given.test_across[..., :q, :q]).sum(axis=(-1, -2))
    x, y = (np.einsum("...ii->...", test[..., :q, :q]) for test in (given.test_left, given.test_right))
    return _over(inner, _varying(x, given.left[:q]) * _varying(y, given.right[:q]), root=True)


def canonical(given: Moments) -> Floats:
    """Mean canonical correlation of the leading 20 components, directions from the training half, ``[...]``.

    SVCCA (Raghu et al. 2017, arXiv:1706.05806) with directions that the test half did not choose; its correlations are
    about the training half's mean; 0 for a direction along which the test half does not vary, NaN if there is no other.
    """
    scale = np.sqrt(given.left[:CANONICAL]), np.sqrt(given.right[:CANONICAL])
    p, q = scale[0].size, scale[1].size
    u, _, v = np.linalg.svd(given.across[:p, :q] / np.outer(*scale), full_matrices=False)
    a, b = u / scale[0][:, None], v.T / scale[1][:, None]
    xy = (a * (given.test_across[..., :p, :q] @ b)).sum(axis=-2)
    xx = (a * (given.test_left[..., :p, :p] @ a)).sum(axis=-2)
    yy = (b * (given.test_right[..., :q, :q] @ b)).sum(axis=-2)
    r = _over(xy, np.where(np.minimum(xx, yy) > _ROUNDING, xx * yy, 0.0), root=True)  # the training half has 1 of each
    value: Floats = np.where(np.isfinite(r).any(axis=-1), np.nan_to_num(r).mean(axis=-1), np.nan)
    return value


def ridge(given: Moments) -> Floats:
    """R^2 of right's components, all together, from left's by ridge regression, on the test half, ``[...]``.

    The penalty is chosen on the training half (`best_penalty`). NaN where the test half does not vary.
    """
    total = float(given.right.sum())
    penalty = best_penalty(given.left, given.across, total, rows=given.passages, shares=_PENALTIES)
    weights = given.across / (given.left + penalty)[:, None]
    length = np.einsum("...ii->...", given.test_right)
    explained = (2 * given.test_across - given.test_left @ weights) * weights
    return _over(explained.sum(axis=(-1, -2)), _varying(length, given.right))


def _varying(test: Floats, train: Floats) -> Floats:
    """The test half's sum of squares, 0 where it is but rounding beside the training half's."""
    return np.where(test > _ROUNDING * train.sum(), test, 0.0)


def _over(above: Floats, below: Floats, *, root: bool = False) -> Floats:
    """``above / below``, or over its root; NaN where `below` is 0."""
    there = below > 0
    whole = np.where(there, below, 1.0)
    return np.where(there, above / (np.sqrt(whole) if root else whole), np.nan)


MEASURES: dict[str, Callable[[Moments], Floats]] = {
    "procrustes": procrustes,
    "cca": canonical,
    "ridge_a_to_b": ridge,
    "ridge_b_to_a": lambda given: ridge(given.turned()),
}


def held_out(left: Gram, right: Gram, blocks: Blocks, shuffles: list[Index]) -> dict[str, Measured]:
    """All measures of this module.

    Args:
        left: One side.
        right: The other, the same passages.
        blocks: Their articles.
        shuffles: Pairings of left's passages with right's (`calibration.shuffles`).
    """
    place = np.empty(blocks.code.size, dtype=np.int64)  # of a passage within its half
    for half in blocks.halves:
        place[half.rows] = np.arange(half.rows.size)
    null: dict[str, list[Floats]] = {name: [] for name in MEASURES}
    by_fold: dict[str, list[Floats]] = {name: [] for name in MEASURES}
    for train, (a, b) in enumerate(zip(left.folds, right.folds, strict=True)):
        test = blocks.halves[1 - train]
        given = _moments(a, b, test)
        whole = replace(given, test_left=given.test_left[0], test_right=given.test_right[0])
        shuffled = [
            replace(whole, across=a.train.T @ b.train[fitted], test_across=a.test.T @ b.test[scored])
            for fitted, scored in (
                (place[order[blocks.halves[train].rows]], place[order[test.rows]]) for order in shuffles
            )
        ]
        for name, measure in MEASURES.items():
            by_fold[name].append(measure(given))
            null[name].append(np.array([measure(one) for one in shuffled]))
    return {name: Measured(_sampled(by_fold[name], blocks), (null[name][0] + null[name][1]) / 2) for name in MEASURES}


def _moments(left: Components, right: Components, test: Half) -> Moments:
    """Of the whole test half first, then of the test half without each of its groups."""
    members = [np.flatnonzero(test.groups == group) for group in range(test.n_groups)]

    def without(x: Floats, y: Floats) -> Floats:
        of_groups = np.stack([x[member].T @ y[member] for member in members])
        whole = of_groups.sum(axis=0)
        return np.concatenate([whole[None], whole - of_groups])

    return Moments(
        left=(left.train**2).sum(axis=0),
        right=(right.train**2).sum(axis=0),
        across=left.train.T @ right.train,
        passages=len(left.train),
        test_left=without(left.test, left.test),
        test_right=without(right.test, right.test),
        test_across=without(left.test, right.test),
    )


def _sampled(by_fold: list[Floats], blocks: Blocks) -> Sampled:
    """The mean of both folds; without a group, the fold that scores its half changes and its map does not."""
    whole = float((by_fold[0][0] + by_fold[1][0]) / 2)
    of_first, of_second = by_fold[1][1:], by_fold[0][1:]  # the second fold scores half 1
    without = [(of_first + by_fold[0][0]) / 2, (of_second + by_fold[1][0]) / 2]
    return Sampled(whole, np.concatenate(without), blocks.n_groups)
