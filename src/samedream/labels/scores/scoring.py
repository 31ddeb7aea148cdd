"""One reader's score of every label: AUC on held-out trials, beside other features' labels on the same ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.labels.scores.auc import Layout, layouts, resampled, resampled_strata, wins
from samedream.labels.scores.shuffled import OTHERS
from samedream.labels.scores.trials import GROUPS, POSITIVE, Trials

LEAST = 5  # positives, and negatives, that a feature needs for a score; positives that a stratum's interval needs
_AT_ONCE = 1024  # features whose comparisons of positives with negatives are held in memory

Floats = NDArray[np.float64]
Reader = Callable[[NDArray[np.int64]], Floats]
"""Number that a label gives a trial: from the feature whose label is read, int64 [trials], to float64 [trials]."""


@dataclass(frozen=True)
class Scores:
    """Scores of every feature, NaN where not supported; all float64 [features] unless said otherwise.

    Attributes:
        value: AUC of the feature's own label over all its trials; `low`, `high`: its 95 % interval.
        shuffled: Mean AUC of four other features' labels on the same trials.
        lift: `value` less `shuffled`; `lift_low`, `lift_high`: its 95 % interval, on the same resamples.
        strata: AUC of each stratum of positives against all negatives [features, 3]; `strata_low`, `strata_high`: its
            95 % interval, on the same resamples, where the stratum has positives enough.
        kinds: AUC of all positives against each kind of negatives [features, 3].
        null: AUC of a fifth other feature's label: what a score is where there is nothing to find.
        null_low: `lift_low` of that label.
    """

    value: Floats
    low: Floats
    high: Floats
    shuffled: Floats
    lift: Floats
    lift_low: Floats
    lift_high: Floats
    strata: Floats
    strata_low: Floats
    strata_high: Floats
    kinds: Floats
    null: Floats
    null_low: Floats


def supported(trials: Trials, features: int) -> NDArray[np.bool_]:
    """Whether each feature has trials enough for a score, bool [features]."""
    enough = np.zeros(features, bool)
    for layout in layouts(trials, LEAST):
        enough[layout.features] = True
    return enough


def score(read: Reader, trials: Trials, others: NDArray[np.int64], *, readable: NDArray[np.bool_], seed: int) -> Scores:
    """Score the labels of all features that are readable and have trials enough.

    Args:
        read: The reader.
        trials: Of all features.
        others: The features whose labels each one is tried with (`shuffled.others`); -1 where there are none, and
            then there is no lift.
        readable: Whether the reader has anything to go by in a feature's label, bool [features].
        seed: Of the resamples.
    """
    width = len(readable)
    line = {name: np.full(width, np.nan) for name in ("value", "low", "high", "shuffled", "lift", "lift_low",
                                                     "lift_high", "null", "null_low")}  # fmt: skip
    table = {name: np.full((width, POSITIVE), np.nan) for name in ("strata", "strata_low", "strata_high")}
    table["kinds"] = np.full((width, len(GROUPS) - POSITIVE), np.nan)
    own = read(trials.feature.astype(np.int64))
    control = [read(np.maximum(other, 0)[trials.feature]) for other in others]
    for layout in _parts(trials, readable):
        mine = layout.features
        won = wins(own, layout)
        line["value"][mine] = won.mean(axis=(1, 2))
        for end, found in zip(("low", "high"), resampled_strata(won, layout, seed), strict=True):
            line[end][mine] = found[:, 0]
            table[f"strata_{end}"][mine] = np.where(np.array(layout.sizes[:POSITIVE]) >= LEAST, found[:, 1:], np.nan)
        for group in range(POSITIVE):
            table["strata"][mine, group] = _mean(won[:, layout.slots(group)])
            table["kinds"][mine, group] = _mean(won[:, :, layout.slots(group + POSITIVE)])
        if not (others[:, mine] >= 0).all():
            continue
        theirs = np.mean([wins(values, layout) for values in control[:OTHERS]], axis=0)
        line["shuffled"][mine] = theirs.mean(axis=(1, 2))
        line["lift_low"][mine], line["lift_high"][mine] = resampled(won - theirs, layout, seed)
        null = wins(control[OTHERS], layout)
        line["null"][mine] = null.mean(axis=(1, 2))
        line["null_low"][mine], _ = resampled(null - theirs, layout, seed)
    line["lift"] = line["value"] - line["shuffled"]
    return Scores(**line, **table)


def _parts(trials: Trials, readable: NDArray[np.bool_]) -> Iterator[Layout]:
    for layout in layouts(trials, LEAST):
        kept = readable[layout.features]
        features, index = layout.features[kept], layout.index[kept]
        for first in range(0, len(features), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            yield Layout(features[part], index[part], layout.sizes)


def _mean(won: NDArray[np.float32]) -> Floats:
    """Mean of each feature, NaN where it has no such trials."""
    return won.mean(axis=(1, 2), dtype=np.float64) if won[0].size else np.full(len(won), np.nan)
