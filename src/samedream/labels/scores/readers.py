"""What reads a label: each gives a number to every trial, the larger the better the label fits the passage."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import Csr

_AT_ONCE = 1 << 14  # trials whose vectors are held in memory


def cosines(
    label: NDArray[np.float32], embedding: NDArray[np.float32], *, of: NDArray[np.int64], passage: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosine of a label with a passage, as the neutral embedder sees both.

    Args:
        label: Embedding of every label, float32 [labels, e], of length 1.
        embedding: Embedding of every passage, float32 [passages, e], of length 1.
        of: The label of each trial, int64 [trials].
        passage: The passage of each trial, int64 [trials].
    """
    found = np.zeros(len(of))
    for first in range(0, len(of), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found[part] = np.einsum("te,te->t", label[of[part]], embedding[passage[part]])
    return found


def rule_values(rules: Csr, counts: Csr, *, of: NDArray[np.int64], passage: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of a rule's terms times how often they stand in a passage, summed.

    Args:
        rules: Weight of each term in each label's rule, float64 [labels, terms].
        counts: How often each term stands in each passage, float64 [passages, terms].
        of: The label of each trial, int64 [trials].
        passage: The passage of each trial, int64 [trials].
    """
    fit = sparse.csr_matrix(rules @ counts.T)
    fit.sort_indices()  # then a look-up is a search
    return np.asarray(fit[of, passage], np.float64).ravel() if len(of) else np.zeros(0)


def rule_matrix(rules: Sequence[Sequence[tuple[str, float]]], terms: Sequence[str]) -> Csr:
    """Weights of the rules' terms, float64 [labels, terms]."""
    index = {term: i for i, term in enumerate(terms)}
    entries = [(i, index[term], weight) for i, rule in enumerate(rules) for term, weight in rule]
    row, column, weight = zip(*entries, strict=True) if entries else ((), (), ())
    return sparse.csr_matrix((np.array(weight, np.float64), (row, column)), shape=(len(rules), len(terms)))
