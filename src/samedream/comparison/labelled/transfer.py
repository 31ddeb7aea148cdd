"""Label transfer: does one model's label predict the matched feature of the other on passages no label was made from?

The trials are those on which the other model's own label is scored (``labels.scores``): held-out passages on which its
feature fires or is silent. On the same trials the feature's **own** label is the ceiling, the label of **another**
feature's match the floor: of one that fires as often, so that a label that fits everything gains nothing. Figures are
AUCs; *kept* is the share of what the own label adds to the floor that the match's label adds too.

Intervals are of the bootstrap over features: other features of the same dictionaries, on the same passages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.labelled.claims import figure
from samedream.comparison.labelled.counting import mean_interval, ratio_interval
from samedream.labels.scores.auc import layouts, wins
from samedream.labels.scores.scoring import LEAST, supported
from samedream.labels.scores.shuffled import OTHERS, others
from samedream.labels.scores.trials import Trials

LEAST_FEATURES = 20  # features below which a class has no mean
OWN, TRANSFERRED, SHUFFLED = "own", "transferred", "shuffled"

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Fit = Callable[[Index, Index], Floats]
"""How well labels fit passages: index of each trial's label, row of its passage → float64 ``[trials]``."""


@dataclass(frozen=True)
class Side:
    """The model whose features are tried.

    Attributes:
        trials: Of its features, on held-out passages.
        partner: The other model's feature that matches each best, -1 where there is none, int64 ``[features]``.
        fired: Passages on which each fires, int64 ``[features]``.
        labelled: Whether it has a label, bool ``[features]``.
        partner_labelled: Whether its partner has one, bool ``[features]``.
    """

    trials: Trials
    partner: Index
    fired: Index
    labelled: NDArray[np.bool_]
    partner_labelled: NDArray[np.bool_]


def transfer(side: Side, own: Fit, theirs: Fit, seed: int) -> dict[str, Floats]:
    """AUC of each label on each feature's trials.

    Args:
        side: The model whose features are tried.
        own: How well its own labels fit passages.
        theirs: How well the other model's labels do.
        seed: Of the choice of other matches.

    Returns:
        "own", "transferred" and "shuffled" → float64 ``[features]``, all NaN where a feature has no match, a label is
        missing, there are too few trials, or no other match is there to compare with.
    """
    usable = (side.partner >= 0) & side.labelled & side.partner_labelled
    usable &= supported(side.trials, len(usable))
    elsewhere = others(side.fired, usable, seed=seed)[:OTHERS]
    found = {
        OWN: _aucs(side, own, np.arange(len(usable))),
        TRANSFERRED: _aucs(side, theirs, side.partner),
        SHUFFLED: _shuffled(side, theirs, elsewhere),
    }
    whole = usable & np.isfinite(found[SHUFFLED])
    return {name: np.where(whole, values, np.nan) for name, values in found.items()}


def _shuffled(side: Side, theirs: Fit, elsewhere: Index) -> Floats:
    """Mean over the labels of other features' matches; one that is this feature's own match too is none of them."""
    drawn = []
    for chosen in elsewhere:
        label = np.where(chosen >= 0, side.partner[chosen], -1)
        label[label == side.partner] = -1
        drawn.append(_aucs(side, theirs, label))
    values = np.array(drawn)
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _aucs(side: Side, fit: Fit, label: Index) -> Floats:
    """AUC of one label for each feature on its trials, NaN where it has none (-1) or too few trials."""
    of = label[side.trials.feature]
    values = fit(np.maximum(of, 0), side.trials.passage)
    found = np.full(len(label), np.nan)
    for layout in layouts(side.trials, LEAST):
        found[layout.features] = wins(values, layout).mean(axis=(1, 2))
    return np.where(label >= 0, found, np.nan)


def summarise(found: dict[str, Floats], classes: Sequence[str], matched: Sequence[str], seed: int) -> dict[str, Any]:
    """Means over the features that are matched, and over each class.

    Args:
        found: What `transfer` returned.
        classes: The class of each feature.
        matched: The classes that count as matched.
        seed: Of the bootstrap.

    Returns:
        "features", "own", "transferred", "shuffled" and "kept" of the matched features (None where fewer than 20 can be
        judged; "kept" also where own labels add nothing to the floor), and "by_class": class → the same.
    """
    kind = np.array(classes)
    present = sorted(set(classes), key=lambda name: list(classes).index(name))
    whole = _means(found, np.isin(kind, matched), seed)
    by_class = {name: _means(found, kind == name, seed) for name in present}
    return {**whole, "by_class": {name: one for name, one in by_class.items() if one["features"]}}


def _means(found: dict[str, Floats], chosen: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    rows = np.flatnonzero(chosen & np.isfinite(found[OWN]))
    if rows.size < LEAST_FEATURES:
        return {"features": int(rows.size), **dict.fromkeys((OWN, TRANSFERRED, SHUFFLED, "kept"))}
    values = {name: one[rows] for name, one in found.items()}
    means = {name: mean_interval(one, seed) for name, one in values.items()}
    kept = ratio_interval(values[TRANSFERRED] - values[SHUFFLED], values[OWN] - values[SHUFFLED], seed)
    return {
        "features": int(rows.size),
        **{name: figure(one) for name, one in means.items() if one},
        "kept": figure(kept) if kept else None,
    }
