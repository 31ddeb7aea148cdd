"""Class-based TF-IDF with a feature as the class and activations as counts, as sparse products.

c-TF-IDF (Grootendorst 2022, arXiv:2203.05794, eq. 2): W[t, c] = tf[t, c] · log(1 + A / f[t]). Departures: tf is the
term's activation-weighted *share* of the class, so that frequent and rare features compare; the classes overlap, so
f[t] is counted over the passages and A is the mean number of words of a passage.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Csr: TypeAlias = "sparse.csr_matrix[np.float64]"


def rarity(counts: Csr, mean_length: float | None = None) -> NDArray[np.float64]:
    """log(1 + A / f) of each term, float64 [terms].

    Args:
        counts: How often each term stands in each passage, [passages, terms]; f is a column's sum (at least 1), A the
            mean of the row sums.
        mean_length: A, where the columns are not all the words of a passage.
    """
    frequency = np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1)
    mean = counts.sum() / max(counts.shape[0], 1) if mean_length is None else mean_length
    return np.log1p(mean / frequency)


def presence(matrix: Csr) -> Csr:
    """1 where a matrix stores a value."""
    return sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def shares(weighted: Csr) -> Csr:
    """Divide each row by its sum (L1); an empty row stays empty."""
    total = np.asarray(weighted.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_matrix(sparse.diags_array(scale) @ weighted)


def class_tfidf(weights: Csr, counts: Csr, idf: NDArray[np.float64]) -> Csr:
    """Score every term for every class.

    Args:
        weights: Activation of each class's passages, float64 [passages, classes].
        counts: How often each term stands in each passage, float64 [passages, terms].
        idf: `rarity` of each term, float64 [terms].

    Returns:
        share of the term in the class × idf, float64 [classes, terms].
    """
    share = shares(sparse.csr_matrix(weights.T @ counts))
    return sparse.csr_matrix(share @ sparse.diags_array(idf))


def best_terms(scores: Csr, most: int) -> list[list[tuple[int, float]]]:
    """The `most` terms with the highest score > 0 of each row (the lower index of equals), best first."""
    count = np.diff(scores.indptr)
    row = np.repeat(np.arange(len(count)), count)
    order = np.lexsort((scores.indices, -scores.data, row))
    rank = np.arange(len(order)) - np.repeat(scores.indptr[:-1], count)
    order = order[(rank < most) & (scores.data[order] > 0)]
    best: list[list[tuple[int, float]]] = [[] for _ in count]
    for r, term, score in zip(row[order], scores.indices[order], scores.data[order], strict=True):
        best[r].append((int(term), float(score)))
    return best
