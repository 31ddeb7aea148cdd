"""Labels by a language model: three candidates for each feature, and the one that does best on passages held back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.labels.keywords import Label
from samedream.labels.language.examples import Examples
from samedream.labels.language.prompts import label_question
from samedream.labels.language.question import Ask, Reply

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Description:
    """What a language model says of a feature.

    Attributes:
        status: "ok"; "failed", none of its answers fits; "not asked".
        label: At most six words; None unless "ok".
        description: A sentence; None unless "ok".
        kind: What sort of thing the label names, one of `prompts.KINDS`; None unless "ok".
        confidence: How sure the model says it is: "low", "medium" or "high"; None unless "ok".
        problem: Why there is no label; "" if there is.
    """

    status: str
    label: str | None = None
    description: str | None = None
    kind: str | None = None
    confidence: str | None = None
    problem: str = ""


def features_to_ask(labels: Sequence[Label], fired: NDArray[np.int64], *, passages: int, most: int | None) -> list[int]:
    """The features to ask about, ascending: those with enough evidence for an offline label.

    Args:
        labels: Offline labels, one for each feature.
        fired: Passages of the label fold on which each feature fires, int64 [features].
        passages: How many the label fold has.
        most: How many at most: those that fire on the most passages come first, but after them come those that fire on
            more than half of all, of which there is least to say; None: all.
    """
    usable = [label.feature for label in labels if label.status == "ok"]
    usable.sort(key=lambda feature: (2 * fired[feature] > passages, -int(fired[feature]), feature))
    return sorted(usable[:most])


def label_by_model(
    ask: Ask,
    examples: Sequence[Examples],
    texts: Sequence[str],
    *,
    embedding: NDArray[np.float32] | None,
    embed: Embed | None,
) -> dict[int, Description]:
    """Ask for every feature's label.

    Args:
        ask: Whom to ask.
        examples: Each feature's examples.
        texts: Passages of the label fold.
        embedding: As a neutral embedder sees them, float32 [passages, e]; None: the first candidate is taken.
        embed: That embedder, for the candidates.

    Returns:
        Feature → what the model says of it.
    """
    asked = [label_question(mine, texts) for mine in examples]
    replies = iter(ask([question for questions in asked for question in questions]))
    grouped = [[next(replies) for _ in questions] for questions in asked]
    candidates = [_distinct(mine) for mine in grouped]
    vectors: dict[str, NDArray[np.float32]] = {}
    if embedding is not None and embed is not None:
        contested = sorted({value["label"] for mine in candidates if len(mine) > 1 for value in mine})
        vectors = dict(zip(contested, embed(contested), strict=True)) if contested else {}
    return {
        mine.feature: _described(_best(values, mine, embedding, vectors=vectors), answers)
        for mine, values, answers in zip(examples, candidates, grouped, strict=True)
    }


def _distinct(replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """The candidates, each label once."""
    found: dict[str, dict[str, Any]] = {}
    for reply in replies:
        if reply.value is not None:
            found.setdefault(reply.value["label"], dict(reply.value))
    return list(found.values())


def _best(
    candidates: Sequence[dict[str, Any]],
    examples: Examples,
    embedding: NDArray[np.float32] | None,
    *,
    vectors: dict[str, NDArray[np.float32]],
) -> dict[str, Any] | None:
    """The candidate whose label is nearer to the held-back passages that excite the feature than to the others."""
    if not candidates:
        return None
    if len(candidates) == 1 or not vectors or embedding is None or not examples.tried or not examples.against:
        return candidates[0]
    scores = []
    for candidate in candidates:
        vector = vectors[candidate["label"]]
        scores.append(auc(embedding[examples.tried] @ vector, embedding[examples.against] @ vector))
    return candidates[int(np.argmax(scores))]  # the first of equals


def auc(positive: NDArray[np.floating[Any]], negative: NDArray[np.floating[Any]]) -> float:
    """Chance that a positive lies above a negative, ties half (Mann-Whitney)."""
    difference = positive[:, None] - negative[None, :]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def _described(best: dict[str, Any] | None, replies: Sequence[Reply]) -> Description:
    if best is not None:
        return Description("ok", **{name: best[name] for name in ("label", "description", "kind", "confidence")})
    failed = [reply for reply in replies if reply.status == "failed"]
    first = failed[0] if failed else replies[0]
    return Description(first.status, problem=first.problem)
