"""Pearson correlation of all pairs of features, in panels, and of chosen pairs with one group of articles left out.

``r_ij = (S_ij - n mu_i mu_j) / (n sigma_i sigma_j)`` with ``S = X^T Y`` (protocol 3.2). Activity is never centred where
it is sparse. Two products give the same numbers, whichever is fastest for the sizes at hand:

- both sides dense in fact, and small enough to be held so: standardised and multiplied (GEMM);
- else sparse times sparse (`products.sums`), corrected by the means.

Both are float32 and serve to *choose* partners and to learn the null; what is reported is computed again for the chosen
pairs in float64 by `pair_correlation`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Csr, compact
from samedream.comparison.products import group_sums, sums, to_correlations

DENSE_BYTES = 1 << 29  # of one standardised half
SPARSE_DENSITY = 0.1  # below it a sparse product beats a GEMM
PANEL_BYTES = 128 << 20

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One dictionary on one half of the passages.

    Attributes:
        columns: Activity, CSC ``[passages, features]``, float32.
        rows: The same as CSR.
        mean: Mean of each feature, float64 ``[features]``.
        inverse: ``1 / (sqrt(n) sigma)`` of each feature, 0 where it does not vary, float64 ``[features]``.
        dense: Standardised activity, float32 ``[passages, features]``, its Gram matrix is the correlation; or None.
    """

    columns: Csr
    rows: Csr
    mean: Floats
    inverse: Floats
    dense: NDArray[np.float32] | None

    @property
    def features(self) -> int:
        """How many features."""
        return int(self.columns.shape[1])


def side(matrix: Csr, *, dense: bool | None = None) -> Side:
    """Prepare activity for correlation.

    Args:
        matrix: CSR ``[passages of a half, features]``, float32.
        dense: Whether to hold it standardised too; where that is faster, if not given.
    """
    n, features = matrix.shape
    matrix = compact(matrix)
    mean: Floats = np.bincount(matrix.indices, matrix.data, minlength=features) / n
    square: Floats = np.bincount(matrix.indices, matrix.data.astype(np.float64) ** 2, minlength=features).astype(
        np.float64
    )
    spread = square - n * mean**2
    varies = spread > 1e-10 * square
    inverse = np.zeros_like(spread)
    inverse[varies] = 1 / np.sqrt(spread[varies])
    if dense is None:
        dense = 4 * n * features <= DENSE_BYTES and matrix.nnz > SPARSE_DENSITY * n * features
    standard = None
    if dense:
        standard = matrix.toarray()
        standard -= mean.astype(np.float32)
        standard *= inverse.astype(np.float32)
    return Side(columns=compact(sparse.csc_array(matrix)), rows=matrix, mean=mean, inverse=inverse, dense=standard)


def correlate(left: Side, right: Side, chosen: Index | slice, *, shuffle: Index | None = None) -> NDArray[np.float32]:
    """Correlation of some features of one side with all of the other.

    Args:
        left: ``[passages, left features]``.
        right: The same passages, ``[passages, right features]``.
        chosen: Which left features.
        shuffle: Pairs passage t of the right with passage ``shuffle[t]`` of the left; None leaves them as they are.

    Returns:
        float32 ``[chosen, right features]``; 0 where a feature does not vary.
    """
    if left.dense is not None and right.dense is not None:
        block = left.dense[:, chosen]
        if shuffle is not None:
            block = block[shuffle]
        product: NDArray[np.float32] = block.T @ right.dense
        return product
    columns = left.columns[:, chosen]
    if shuffle is not None:
        columns = sparse.csc_array(sparse.csr_array(columns)[shuffle])
    result = sums(columns, right.rows)
    totals = left.rows.shape[0] * left.mean[chosen]
    to_correlations(result, totals, right.mean, inverse=(left.inverse[chosen], right.inverse))
    return result


def panels(left: Side, right: Side) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """All correlations, a panel of left features at a time, so that no more than 128 MiB of them exist at once."""
    width = max(1, PANEL_BYTES // (4 * max(1, right.features)))
    for start in range(0, left.features, width):
        chosen = slice(start, min(start + width, left.features))
        yield chosen, correlate(left, right, chosen)


def pair_correlation(left: Side, right: Side, partner: Index, *, groups: Index, n_groups: int) -> tuple[Floats, Floats]:
    """Correlation of each left feature with one right feature: with all passages, and with each group left out.

    Args:
        left: ``[passages, left features]``.
        right: The same passages, ``[passages, right features]``.
        partner: The right feature of each left feature, ``[left features]``.
        groups: The jackknife group of each passage.
        n_groups: How many groups.

    Returns:
        r float64 ``[left features]``, and r without each group, float64 ``[n_groups, left features]``.
    """
    parts = group_sums(left.columns, right.columns, partner, groups=groups, n_groups=n_groups)
    counts = np.bincount(groups, minlength=n_groups).astype(np.float64)
    whole = pearson(float(groups.size), *parts.sum(axis=1))
    without = pearson((groups.size - counts)[:, None], *(parts.sum(axis=1)[:, None] - parts))
    return whole, without


def of_pairs(left: Side, right: Side, partner: Index) -> Floats:
    """Correlation of each left feature with one right feature, float64 ``[left features]``.

    Args:
        left: ``[passages, left features]``.
        right: The same passages, ``[passages, right features]``.
        partner: The right feature of each left feature, ``[left features]``.
    """
    passages = left.rows.shape[0]
    one_group = np.zeros(passages, dtype=np.int64)
    parts = group_sums(left.columns, right.columns, partner, groups=one_group, n_groups=1)
    return pearson(float(passages), *parts[:, 0])


def pearson(n: float | Floats, *sums: Floats) -> Floats:
    """Pearson's r from sums over `n` passages: of x, y, x squared, y squared, x times y; 0 where one is constant."""
    x, y, xx, yy, xy = sums
    spread_x, spread_y = xx - x * x / n, yy - y * y / n
    defined = (spread_x > 1e-10 * xx) & (spread_y > 1e-10 * yy)
    product = np.where(defined, spread_x * spread_y, 1.0)
    return np.where(defined, np.clip((xy - x * y / n) / np.sqrt(product), -1.0, 1.0), 0.0)
