"""Keywords in an order that does not say the same twice: maximal marginal relevance.

MMR (Carbonell & Goldstein 1998, doi:10.1145/290941.291025): the next term is the one with the largest
λ · relevance - (1 - λ) · its largest likeness to those already taken. Relevance is the keyword's score over the best
one's. Likeness is the cosine of the passages in which two terms stand, so it needs no embedder, and 1 for terms that
share a word ("war", "world war").
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import Csr, presence

RELEVANCE = 0.7  # λ


def diverse_order(
    keywords: Sequence[Sequence[tuple[int, float]]], counts: Csr, names: Sequence[str]
) -> list[list[int]]:
    """Order each feature's keywords by MMR.

    Args:
        keywords: Terms and scores > 0, best first [features].
        counts: How often each term stands in each passage, float64 [passages, terms].
        names: Of the terms.
    """
    standing = sparse.csr_matrix(presence(counts).T)
    length = np.sqrt(np.maximum(np.diff(standing.indptr), 1))
    unit = sparse.csr_matrix(sparse.diags_array(1 / length) @ standing)
    ordered = []
    for mine in keywords:
        terms = [term for term, _ in mine]
        like = (unit[terms] @ unit[terms].T).toarray() if terms else np.zeros((0, 0))
        parts = [set(names[term].casefold().split()) for term in terms]
        for i, words in enumerate(parts):
            like[i, [j for j, others in enumerate(parts) if words & others]] = 1.0
        ordered.append([terms[i] for i in mmr(np.array([score for _, score in mine]), like)])
    return ordered


def mmr(relevance: NDArray[np.float64], like: NDArray[np.float64]) -> list[int]:
    """Positions in the order in which MMR takes them, the earlier of equals first.

    Args:
        relevance: At least 0, best first, float64 [n].
        like: Likeness in [0, 1], float64 [n, n].
    """
    left, taken = list(range(len(relevance))), list[int]()
    while left:
        redundant = like[np.ix_(left, taken)].max(axis=1) if taken else np.zeros(len(left))
        gain = RELEVANCE * relevance[left] / relevance[0] - (1 - RELEVANCE) * redundant
        taken.append(left.pop(int(gain.argmax())))
    return taken
