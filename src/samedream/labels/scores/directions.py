"""A control: random directions in the space of a dictionary's features, labelled and scored as features are."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.scores.trials import Peaks

COUNT = 200


def random_directions(
    activity: "sparse.csr_matrix[np.float32]", peaks: Peaks, *, count: int, seed: int
) -> tuple["sparse.csr_matrix[np.float32]", Peaks]:
    """Random combinations of features, made as sparse as the features are.

    A direction weighs every feature with a normal number over the feature's maximum. It fires on its strongest
    passages, as many as a feature that fires at all does on average, where it is positive; its peak is that of the
    feature that adds most.

    Args:
        activity: float32 [passages, features], at least 0.
        peaks: First character and character after the peak of each stored value.
        count: How many directions.
        seed: Of the weights.

    Returns:
        Activity float32 [passages, count], and the peaks of its stored values.
    """
    passages, features = activity.shape
    most = np.zeros(features, np.float32)
    np.maximum.at(most, activity.indices, activity.data)
    scale = np.divide(1, most, out=np.zeros_like(most), where=most > 0)
    weights = np.random.default_rng(seed).standard_normal((features, count)).astype(np.float32) * scale[:, None]
    strength = activity @ weights
    kept = round(activity.nnz / max(int((most > 0).sum()), 1))
    found = [_fire(activity, weights[:, d], strength[:, d], kept=kept) for d in range(count)]
    row = np.concatenate([rows for rows, _, _ in found])
    column = np.repeat(np.arange(count), [len(rows) for rows, _, _ in found])
    value = np.concatenate([values for _, values, _ in found])
    entry = np.concatenate([entries for _, _, entries in found])
    order = np.lexsort((column, row))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=passages))))
    combined = sparse.csr_matrix((value[order], column[order], indptr), shape=(passages, count))
    return combined, (peaks[0][entry[order]], peaks[1][entry[order]])


def _fire(
    activity: "sparse.csr_matrix[np.float32]", weight: NDArray[np.float32], strength: NDArray[np.float32], *, kept: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Passages on which a direction fires, its strength there, and the stored value of `activity` that adds most."""
    rows = np.sort(np.argsort(-strength, kind="stable")[:kept])
    rows = rows[strength[rows] > 0]
    length = np.diff(activity.indptr)[rows].astype(np.int64)
    first = np.cumsum(length) - length
    entry = np.repeat(activity.indptr[rows] - first, length) + np.arange(int(length.sum()))
    added = activity.data[entry] * weight[activity.indices[entry]]
    largest = np.maximum.reduceat(added, first) if len(first) else added
    at = np.flatnonzero(added == np.repeat(largest, length))
    _, one = np.unique(np.repeat(np.arange(len(rows)), length)[at], return_index=True)
    return rows, strength[rows], entry[at[one]]
