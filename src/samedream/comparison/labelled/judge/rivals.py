"""Who stands beside the match: hard negatives of two kinds, chosen on the label fold, as the match is.

The passages that are shown have no part in any choice. The comparison's own partner read them: where it was found by
luck, that luck is in them too, and a judge would find it again (on the demo it then picks partners of r below .1 in
32 % of cases instead of 25).

- **correlation**: the next-best candidates. These are kin, often of the very same meaning.
- **meaning**: features that fire as often as the match and are near it in meaning, but none of the 12 nearest in
  correlation.
"""

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Activity
from samedream.comparison.correlation import panels, side
from samedream.comparison.meaning import profile
from samedream.comparison.nulls import strata, stratum_edges

BY_CORRELATION, BY_MEANING = "correlation", "meaning"
NEAREST = 12  # candidates by correlation, the match among them
NEAR = 0.1  # share of the stratum that counts as near in meaning

Index = NDArray[np.int64]


def nearest(here: Activity, there: Activity, rows: Index) -> Index:
    """The 12 features of the other side of highest correlation on some rows, the highest first.

    Args:
        here: Who looks.
        there: Who is looked for.
        rows: Passages.

    Returns:
        Numbers among the eligible features of `there`, ``[eligible features of here, 12]`` or as many as there are.
    """
    left, right = (side(activity.matrix[rows]) for activity in (here, there))
    most = min(NEAREST, there.eligible.size)
    return np.concatenate([_highest(r, most) for _, r in panels(left, right)])


def _highest(r: NDArray[np.float32], most: int) -> Index:
    """Columns of the highest values of each row, the highest first, the first of equals before the others."""
    if most == r.shape[1]:
        return np.argsort(-r, axis=1, kind="stable")
    best = np.sort(np.argpartition(-r, most, axis=1)[:, :most], axis=1)
    return np.take_along_axis(best, np.argsort(-np.take_along_axis(r, best, 1), axis=1, kind="stable"), 1)


def alike(there: Activity, found: Index, rows: Index, *, embedding: NDArray[np.float32], seed: int) -> list[Index]:
    """Features near the match in meaning, in random order, for each row of `found`.

    Args:
        there: The side that has them.
        found: As `nearest` returns it.
        rows: Passages from which meaning is taken.
        embedding: Each passage as a neutral embedder sees it, float32 ``[passages, e]``.
        seed: Of the draws.
    """
    centre = embedding.mean(axis=0, dtype=np.float64).astype(np.float32)
    meaning = profile(there, rows, embedding, centre=centre)
    stratum = strata(there.support, stratum_edges(there.support))
    near: dict[int, Index] = {}
    for number in np.unique(stratum[found[:, 0]]):
        pool = np.flatnonzero(stratum == number)
        order = np.argsort(-(meaning[pool] @ meaning[pool].T), axis=1, kind="stable")
        near |= dict(zip(pool.tolist(), pool[order[:, : max(2 * NEAREST, round(NEAR * pool.size))]], strict=True))
    chosen = []
    for place, candidates in enumerate(found):
        others = near[int(candidates[0])]
        others = others[~np.isin(others, candidates)]
        chosen.append(np.random.default_rng([seed, place]).permutation(others))
    return chosen
