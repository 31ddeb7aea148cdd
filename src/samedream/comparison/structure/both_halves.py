"""Parts of features that no half of the articles shows by itself: decided on both halves together.

A part has few of its whole's passages, often too few to be chosen on either half. On both together it is, but with less
to go by, so more is asked: the whole must be the part's own best partner, as the occurrences of a part lie in it and
in no other feature of that side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.candidates import Candidates
from samedream.comparison.correlation import panels
from samedream.comparison.matching import Halves
from samedream.comparison.nulls import QUANTILE, Null, rank_p
from samedream.comparison.structure.parts import ADDS
from samedream.comparison.structure.sparse_fit import among, fit

FALSE_SPLITS = 0.2  # share of these splits whose second part may be chance: a precision of .8

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Joined:
    """What explains each feature on both halves together: pairs, by feature.

    Attributes:
        feature: The explained feature, int64 ``[pairs]``.
        part: The feature of the other side that helps to explain it.
        r: Its correlation, the mean of both halves', float64 ``[pairs]``.
        share: ``w (2r - w)``: the R^2 of a part of weight w that shares nothing with the others.
        adds: Weight over r: 1 for a part that shares nothing with the others.
        p: How often the largest r that shuffled articles give is at least the r with what was left when it joined.
    """

    feature: Index
    part: Index
    r: Floats
    share: Floats
    adds: Floats
    p: Floats


def join(there: Halves, candidates: Candidates, null: Null) -> Joined:
    """Explain each feature of one side by at most 8 features of the other, on both halves together.

    Args:
        there: The side that explains, both halves.
        candidates: Its features that may explain each feature (`nearest_on_both`).
        null: What shuffled articles give. A further part joins where its correlation with what is left is above the 95
            % quantile of the largest there is.
    """
    least = np.array([np.quantile(pool, QUANTILE, method="higher") for pool in null.largest_of_both])[null.stratum]
    inside = among(there[0], (candidates.partner,))[0]
    inside += among(there[1], (candidates.partner,))[0]
    inside /= 2
    found = fit(candidates.r, inside, least)
    feature, place = np.nonzero(found.weight > 0)
    chosen, weight = found.part[feature, place], found.weight[feature, place]
    r = candidates.r[feature, chosen].astype(np.float64)
    return Joined(
        feature=feature,
        part=candidates.partner[feature, chosen],
        r=r,
        share=weight * (2 * r - weight),
        adds=weight / r,
        p=rank_p(found.with_rest[feature, place], null.stratum[feature], null.largest_of_both),
    )


def nearest_on_both(here: Halves, there: Halves, candidates: tuple[Candidates, Candidates]) -> Candidates:
    """Of the features that are nearest on either half, the 32 of highest mean correlation over both."""
    near = np.concatenate([half.partner for half in candidates], axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    r = np.zeros(near.shape, dtype=np.float32)
    for left, right in zip(here, there, strict=True):
        for chosen, panel in panels(left, right):
            r[chosen] += np.take_along_axis(panel, near[chosen], axis=1) / 2
    r[:, 1:][near[:, 1:] == near[:, :-1]] = -np.inf  # nearest on both halves: once is enough
    best = np.argsort(-r, axis=1, kind="stable")[:, : candidates[0].partner.shape[1]]
    return Candidates(np.take_along_axis(near, best, axis=1), np.take_along_axis(r, best, axis=1))


def of_both_halves(found: Joined, best: Index, bars: tuple[Floats, Floats]) -> tuple[Index, Index]:
    """The features that are split, and their parts.

    A part keeps `ADDS` of its correlation beside the others, and has the whole for its best partner. A feature is split
    if two parts or more pass the test of one of the two (r at least the lower bar), all parts together reach its own
    bar (``sqrt(R^2) >= bar``), and the second of those that pass is no chance: q at most `FALSE_SPLITS`, by
    Benjamini-Hochberg over the features that have a first.

    Args:
        found: What explains the features.
        best: The feature that is most like each feature of the other side, on both halves together.
        bars: The r above which a feature passes the test, of the features that are explained, and of the other side's.

    Returns:
        Feature and part of each pair, int64 ``[pairs]``, by feature, and by what the part contributes.
    """
    here, there = bars
    part = (found.adds >= ADDS) & (best[found.part] == found.feature)
    feature, child, share = found.feature[part], found.part[part], found.share[part]
    together = np.sqrt(np.maximum(np.bincount(feature, share, minlength=here.size), 0.0))
    passes = found.r[part] >= np.minimum(here[feature], there[child])
    split = (_q_of_second(feature[passes], found.p[part][passes], here.size) <= FALSE_SPLITS) & (together >= here)
    kept = np.flatnonzero(split[feature])
    kept = kept[np.lexsort((child[kept], -share[kept], feature[kept]))]
    return feature[kept], child[kept]


def _q_of_second(feature: Index, p: Floats, features: int) -> Floats:
    """Q of the second part of each feature, among the features that have a first; 1 where there is none.

    Args:
        feature: The feature of each part, those of one feature together, in the order in which they joined.
        p: Of each part.
        features: How many there are.
    """
    found, first, count = np.unique(feature, return_index=True, return_counts=True)
    q = np.ones(features)
    if found.size:
        second = np.where(count > 1, p[np.minimum(first + 1, p.size - 1)], 1.0)
        q[found] = np.where(count > 1, stats.false_discovery_control(second), 1.0)
    return q
