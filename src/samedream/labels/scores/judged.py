"""Every label scored by every reader there is, with its badge; and what the controls come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.labels.ctfidf import Csr
from samedream.labels.keywords import Label
from samedream.labels.kinds import NAMELESS
from samedream.labels.scores.badges import BADGES, EMBEDDING, RULE, badges, headline_of
from samedream.labels.scores.counting import count_terms
from samedream.labels.scores.readers import cosines, rule_matrix, rule_values
from samedream.labels.scores.scoring import Reader, Scores, score, supported
from samedream.labels.scores.shuffled import others
from samedream.labels.scores.trials import GROUPS, POSITIVE, Trials, score_fold
from samedream.records import Passage

Floats32 = NDArray[np.float32]
_STATUS = {True: "scored", False: "too few held out"}


@dataclass(frozen=True)
class Judged:
    """Scores of every feature's label.

    Attributes:
        scores: By reader: "rule", and "embedding" where there is one.
        headline: Which score each label's badge rests on.
        badge: "strong", "fair", "weak", "none", or None where there is no score.
        null: The same for another feature's label.
        status: "scored", "too few held out", or why there is no label to score.
    """

    scores: Mapping[str, Scores]
    headline: list[str]
    badge: list[str | None]
    null: list[str | None]
    status: list[str]


def judge(
    labels: Sequence[Label],
    fired: NDArray[np.int64],
    trials: Trials,
    *,
    passages: Sequence[Passage],
    embedded: tuple[Floats32, Floats32] | None,
    seed: int,
) -> Judged:
    """Score every label that has status "ok" and trials enough.

    Args:
        labels: One of each feature.
        fired: Passages of the label fold on which each feature fires, int64 [features].
        trials: Of all features.
        passages: The corpus.
        embedded: The labels and the passages as the neutral embedder sees them, or None without one.
        seed: Of the controls and the resamples.
    """
    named = np.array([label.status == "ok" and label.label not in NAMELESS for label in labels], bool)
    readable = named & supported(trials, len(labels))
    with_rule = readable & np.array([bool(label.rule_terms) for label in labels], bool)
    scores = {RULE: _scored(_rule_reader(labels, trials, passages), trials, fired, readable=with_rule, seed=seed)}
    if embedded is not None:
        reader = _embedding_reader(embedded, trials)
        scores[EMBEDDING] = _scored(reader, trials, fired, readable=readable, seed=seed)
    headline = [headline_of(label.kind, embedded=embedded is not None) for label in labels]
    low, null = (
        np.array([getattr(scores[name], end)[i] for i, name in enumerate(headline)], float)
        for end in ("lift_low", "null_low")
    )
    status = [
        _STATUS[bool(fits)] if name else "no label" if label.status == "ok" else label.status
        for label, name, fits in zip(labels, named, readable, strict=True)
    ]
    return Judged(scores, headline, badges(low), badges(null), status)


def _scored(
    read: Reader, trials: Trials, fired: NDArray[np.int64], *, readable: NDArray[np.bool_], seed: int
) -> Scores:
    return score(read, trials, others(fired, readable, seed=seed), readable=readable, seed=seed)


def _rule_reader(labels: Sequence[Label], trials: Trials, passages: Sequence[Passage]) -> Reader:
    held_out = score_fold(passages)
    local = np.searchsorted(held_out, trials.passage)
    terms = sorted({term for label in labels for term in label.rule_terms})
    rules: Csr = rule_matrix([list(zip(label.rule_terms, label.rule_weights, strict=True)) for label in labels], terms)
    counts = count_terms([passages[i].text for i in held_out], terms)
    return lambda of: rule_values(rules, counts, of=of, passage=local)


def _embedding_reader(embedded: tuple[Floats32, Floats32], trials: Trials) -> Reader:
    label, passage = embedded
    return lambda of: cosines(label, passage, of=of, passage=trials.passage)


def summary(judged: Judged) -> dict[str, Any]:
    """What the scores come to: medians over the features, by stratum and kind of negative, and the badges given."""
    return {
        "status": dict(Counter(judged.status)),
        "badges": _shares(judged.badge),
        "badges_of_shuffled": _shares(judged.null),
        "scores": {name: _medians(scores) for name, scores in judged.scores.items()},
    }


def _shares(given: Sequence[str | None]) -> dict[str, float | None]:
    known = [badge for badge in given if badge is not None]
    return {badge: known.count(badge) / len(known) if known else None for badge in BADGES}


def _medians(scores: Scores) -> dict[str, Any]:
    return {
        "features": int(np.isfinite(scores.value).sum()),
        "auc": _median(scores.value),
        "shuffled": _median(scores.shuffled),
        "lift": _median(scores.lift),
        "above_shuffled": _above(scores.lift),
        "groups": {
            **{name: _median(column) for name, column in zip(GROUPS[:POSITIVE], scores.strata.T, strict=True)},
            **{name: _median(column) for name, column in zip(GROUPS[POSITIVE:], scores.kinds.T, strict=True)},
        },
    }


def _median(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _above(lift: NDArray[np.float64]) -> float | None:
    """Share of the labels that do better than others' labels do."""
    known = lift[np.isfinite(lift)]
    return float((known > 0).mean()) if known.size else None
