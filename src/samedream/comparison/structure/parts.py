"""Features that the other side has in several: at most 8 of its features explain one, and some of them are its parts.

Fitted on one half of the articles (`sparse_fit`), judged on the other, both ways round (protocol 3.3). Parts of a split
are told from features that merely follow the same topic by what they *add*: occurrences that are divided among several
features are seen by one of them at a time, so each keeps its whole correlation beside the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Activity
from samedream.comparison.candidates import Candidates
from samedream.comparison.correlation import Side, of_pairs
from samedream.comparison.matching import Halves, Matching
from samedream.comparison.structure.sparse_fit import among, explained, fit

ADDS = 0.8  # share of its correlation that a part keeps beside the others
OF_BAR = 0.5  # a part alone may fall short of the bar that all parts together reach

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Explained:
    """How the features of one side are explained by the other's; all held out, means of both halves.

    Attributes:
        one: R^2 of the nearest feature alone, float64 ``[features]``.
        many: R^2 of at most 8; ``many - one`` is the splitting gain.
        feature: The explained feature of each pair that both halves chose, int64 ``[pairs]``.
        part: The feature of the other side that helps to explain it.
        r: Its held-out correlation, float64 ``[pairs]``.
        share: ``w (2r - w)``: the R^2 of a part of weight w that shares nothing with the others.
        adds: Weight over r on the half that chose: 1 for a part that shares nothing with the others.
    """

    one: Floats
    many: Floats
    feature: Index
    part: Index
    r: Floats
    share: Floats
    adds: Floats


@dataclass(frozen=True)
class Needs:
    """What a feature must reach and how far it spreads, float64 ``[features]`` each.

    Attributes:
        bar: The r above which it passes the test; infinite where none does.
        spread: Effective number of passages (`effective_passages`).
    """

    bar: Floats
    spread: Floats


def effective_passages(activity: Activity) -> Floats:
    """``(sum a)^2 / sum a^2`` of each eligible feature: n for n passages alike (protocol 3.5)."""
    raw, width = activity.raw, activity.features
    total = np.bincount(raw.indices, raw.data, minlength=width)
    square = np.bincount(raw.indices, raw.data.astype(np.float64) ** 2, minlength=width)
    chosen: Floats = total[activity.eligible] ** 2 / square[activity.eligible]
    return chosen


def explain(here: Halves, there: Halves, matching: Matching, least: Floats) -> Explained:
    """Explain each feature of one side by at most 8 features of the other.

    Args:
        here: The side that is explained, both halves.
        there: The side that explains it.
        matching: What its features found there; the nearest 32 are candidates.
        least: The correlation with what is left that a further part needs, float64 ``[features]``: `Null.largest`.
    """
    candidates = matching.candidates
    near = candidates[0].partner, candidates[1].partner
    inside = [among(there[h], near) for h in (0, 1)]
    fits = [
        _fitted((here, there), candidates[h], least, inside=(inside[h][h], inside[1 - h][h]), chosen_on=h)
        for h in (0, 1)
    ]
    same = (fits[0].part[:, :, None] == fits[1].part[:, None, :]) & (fits[0].part >= 0)[:, :, None]
    feature, first, second = np.nonzero(same)

    def mean(values: tuple[Floats, Floats]) -> Floats:
        both: Floats = (values[0][feature, first] + values[1][feature, second]) / 2
        return both

    return Explained(
        one=(fits[0].one + fits[1].one) / 2,
        many=(fits[0].many + fits[1].many) / 2,
        feature=feature,
        part=fits[0].part[feature, first],
        r=mean((fits[0].r, fits[1].r)),
        share=mean((fits[0].share, fits[1].share)),
        adds=mean((fits[0].adds, fits[1].adds)),
    )


@dataclass(frozen=True)
class _Fitted:
    """As `Explained`, of one fit: `part` (-1 for none), `r`, `share` and `adds` are ``[features, parts]``."""

    one: Floats
    many: Floats
    part: Index
    r: Floats
    share: Floats
    adds: Floats


def _fitted(
    sides: tuple[Halves, Halves],
    candidates: Candidates,
    least: Floats,
    *,
    inside: tuple[Floats32, Floats32],
    chosen_on: int,
) -> _Fitted:
    """Fit on one half, judge on the other; `inside`: correlations among the candidates on both, in that order."""
    (here, there), other = sides, 1 - chosen_on
    found = fit(candidates.r, inside[0], least)
    part = np.take_along_axis(candidates.partner, found.part, axis=1)
    r = _with_parts(here[other], there[other], part)
    row = np.arange(len(part))[:, None, None]
    beside = inside[1][row, found.part[:, :, None], found.part[:, None, :]].astype(np.float64)
    scale = _rescaled(here, there, part, chosen_on)
    weight = found.weight * scale
    alone = np.zeros_like(weight)
    alone[:, 0] = candidates.r[:, 0] * scale[:, 0]
    chosen = np.take_along_axis(candidates.r, found.part, axis=1)
    return _Fitted(
        one=explained(alone, r, beside),
        many=explained(weight, r, beside),
        part=np.where(found.weight > 0, part, -1),
        r=r,
        share=weight * (2 * r - weight),
        adds=found.weight / np.where(chosen > 0, chosen, 1.0),
    )


def children(found: Explained, here: Needs, there: Needs) -> tuple[Index, Index]:
    """The features that are split, and their parts.

    A part was chosen by both halves, keeps `ADDS` of its correlation beside the others, and its r is at least half of
    the bar of one of the two. A feature is split if it has two parts or more, which together reach its own bar
    (``sqrt(R^2) >= bar``) and spread over fewer passages than it does (geometric mean).

    Args:
        found: How the features are explained.
        here: Of the features that are explained.
        there: Of the other side's.

    Returns:
        Feature and part of each pair, int64 ``[pairs]``, by feature, and by what the part contributes.
    """
    part = (found.adds >= ADDS) & (found.r >= OF_BAR * np.minimum(here.bar[found.feature], there.bar[found.part]))
    feature, child, share = found.feature[part], found.part[part], found.share[part]
    features = here.bar.size
    together = np.sqrt(np.maximum(np.bincount(feature, share, minlength=features), 0.0))
    narrower = np.bincount(feature, np.log(here.spread[feature] / there.spread[child]), minlength=features)
    several = (np.bincount(feature, minlength=features) >= 2) & (found.many > found.one)
    split = several & (together >= here.bar) & (narrower > 0)
    kept = np.flatnonzero(split[feature])
    kept = kept[np.lexsort((child[kept], -share[kept], feature[kept]))]
    return feature[kept], child[kept]


def _with_parts(here: Side, there: Side, part: Index) -> Floats:
    """Correlation of each feature with its parts, float64 ``[features, parts]``."""
    return np.stack([of_pairs(here, there, np.ascontiguousarray(one)) for one in part.T], axis=1)


def _rescaled(here: Halves, there: Halves, part: Index, chosen_on: int) -> Floats:
    """What turns weights of activity standardised on one half into weights on the other half's standard."""
    own, other = (
        np.divide(side[chosen_on].inverse, spread, out=np.zeros_like(spread), where=spread > 0)
        for side in (here, there)
        for spread in (side[1 - chosen_on].inverse,)
    )
    scale: Floats = np.divide(other[part], own[:, None], out=np.zeros(part.shape), where=own[:, None] > 0)
    return scale
