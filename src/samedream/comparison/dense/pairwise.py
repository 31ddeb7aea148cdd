"""Measures that compare two Gram matrices entry by entry: debiased linear CKA and RSA."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.blocks import Blocks
from samedream.comparison.dense.calibration import Measured
from samedream.comparison.dense.grams import Gram
from samedream.comparison.estimates import Sampled

_ROUNDING = 1e-5  # of a sum of squares of float32 products

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Sums:
    """Sums over one Gram matrix K and its cosines C, diagonals left out: of all passages, then without each group.

    Attributes:
        gram: The Gram matrix.
        rows: Row sums of K and of C, each ``[passages, 1 + groups]``, 0 where the row is left out.
        squares: Sums of the squares of K's and of C's entries, each ``[1 + groups]``.
    """

    gram: Gram
    rows: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]


def sums_of(gram: Gram, blocks: Blocks) -> Sums:
    """What CKA and RSA need of one side."""
    member = _members(blocks)
    weight = gram.norm[:, None]
    rows = _rows(gram.cosine, weight, member), _rows(gram.cosine, np.ones_like(weight), member)
    return Sums(gram=gram, rows=rows, squares=_products(gram, gram, member))


def cka_and_rsa(left: Sums, right: Sums, blocks: Blocks, shuffles: list[Index]) -> tuple[Measured, Measured]:
    """Debiased linear CKA, and RSA.

    CKA (Kornblith et al. 2019, arXiv:1905.00414) is ``HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))``, here with the
    unbiased estimator of HSIC (Song et al. 2012, JMLR 13, equation 5), K and L without their diagonals:
    ``[tr(K L) + 1'K1 1'L1 / ((n-1)(n-2)) - 2/(n-2) 1'K L 1] / (n (n-3))``. Without that correction any two wide spaces
    look alike. RSA (Kriegeskorte et al. 2008) is the Pearson correlation of the cosines of all pairs of passages.

    Args:
        left: One side.
        right: The other, the same passages.
        blocks: Their articles.
        shuffles: Pairings of left's passages with right's (`calibration.shuffles`).
    """
    member = _members(blocks)
    n = left.gram.norm.size - np.append(0.0, member.sum(axis=0))
    of_k, of_c = _products(left.gram, right.gram, member)
    norm = np.sqrt(_own_hsic(left, n) * _own_hsic(right, n))
    cka = _hsic(of_k, left.rows[0], right.rows[0], n) / norm
    rsa = _pearson(left, right, of_c, n)
    shuffled = [_shuffled(left, right, order) for order in shuffles]
    whole = left.rows[0][:, :1], right.rows[0][:, :1]
    null_cka = [
        float((_hsic(np.array([k]), whole[0], whole[1][order], n[:1]) / norm[:1])[0])
        for (k, _), order in zip(shuffled, shuffles, strict=True)
    ]
    null_rsa = [float(_pearson(left, right, np.array([c]), n[:1])[0]) for _, c in shuffled]
    halves = blocks.n_groups
    return (
        Measured(Sampled(float(cka[0]), cka[1:], halves), np.array(null_cka)),
        Measured(Sampled(float(rsa[0]), rsa[1:], halves), np.array(null_rsa)),
    )


def _members(blocks: Blocks) -> Floats:
    """Whether a passage is in a group, ``[passages, groups]``, 1 or 0."""
    return np.eye(sum(blocks.n_groups))[blocks.group]


def _rows(cosine: Floats32, weight: Floats, member: Floats) -> Floats:
    into = weight * (cosine @ (weight * member).astype(np.float32))  # of each row, into each group
    whole = into.sum(axis=1, keepdims=True)
    return np.concatenate([whole, (whole - into) * (1 - member)], axis=1)


def _products(left: Gram, right: Gram, member: Floats) -> tuple[Floats, Floats]:
    """Sums of the products of two sides' entries of K, and of C."""
    entries = left.cosine * right.cosine
    weighted = (left.norm * right.norm)[:, None] * member
    found = []
    for groups in (weighted, member):
        between = groups.T @ (entries @ groups.astype(np.float32))  # from each group into each
        whole = between.sum()
        found.append(np.append(whole, whole - between.sum(axis=0) - between.sum(axis=1) + between.diagonal()))
    return found[0], found[1]


def _hsic(products: Floats, left: Floats, right: Floats, n: Floats) -> Floats:
    """From the sum of products of entries, and both sides' row sums ``[passages, ...]``."""
    rest = left.sum(axis=0) * right.sum(axis=0) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (left * right).sum(axis=0)
    value: Floats = (products + rest) / (n * (n - 3))
    return value


def _own_hsic(side: Sums, n: Floats) -> Floats:
    """``HSIC(K, K)``, NaN where it is but rounding: where all passages are equally far from each other."""
    own = _hsic(side.squares[0], side.rows[0], side.rows[0], n)
    return np.where(own * n * (n - 3) > _ROUNDING * side.squares[0], own, np.nan)


def _pearson(left: Sums, right: Sums, products: Floats, n: Floats) -> Floats:
    """Over pairs of passages; `products` of all passages alone, or of all and without each group.

    NaN where all cosines of a side are the same.
    """
    size, pairs = products.size, n * (n - 1)
    x, y = left.rows[1][:, :size].sum(axis=0), right.rows[1][:, :size].sum(axis=0)
    xx, yy = left.squares[1][:size], right.squares[1][:size]
    spread_x, spread_y = xx - x * x / pairs, yy - y * y / pairs
    varies = (spread_x > _ROUNDING * xx) & (spread_y > _ROUNDING * yy)
    product = np.where(varies, spread_x * spread_y, 1.0)
    return np.where(varies, (products - x * y / pairs) / np.sqrt(product), np.nan)


def _shuffled(left: Sums, right: Sums, order: Index) -> tuple[float, float]:
    weight = (left.gram.norm * right.gram.norm[order]).astype(np.float32)
    out = np.empty((2, order.size))
    _add_pairs(left.gram.cosine, right.gram.cosine, (weight, order.astype(np.int32)), out)
    return 2 * float(out[0].sum()), 2 * float(out[1].sum())


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, parallel=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})(function)


@_compiled
def _add_pairs(x: Floats32, y: Floats32, given: tuple[Floats32, NDArray[np.int32]], out: Floats) -> None:
    """Of each row, the sum of ``w_i w_j x_ij y_o(i)o(j)`` over the rows before it, and the same without w."""
    weight, order = given
    for i in numba.prange(len(order)):
        row, other = x[i], y[order[i]]
        moved = np.empty(i, np.float32)  # apart, so that the sums below run on whole vectors
        for j in range(i):
            moved[j] = other[order[j]]
        weighted, plain = np.float32(0), np.float32(0)
        for j in range(i):
            product = row[j] * moved[j]
            plain += product
            weighted += product * weight[j]
        out[0, i] = weighted * weight[i]
        out[1, i] = plain
