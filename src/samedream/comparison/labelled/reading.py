"""What label transfer needs of a model's labels, from ``labels/<model>``: how well each fits any passage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream import progress
from samedream.comparison.labelled.transfer import Fit
from samedream.errors import ModelNotFoundError
from samedream.labels.kinds import NAMELESS
from samedream.labels.scores.badges import EMBEDDING, RULE, THEMATIC
from samedream.labels.scores.counting import count_terms
from samedream.labels.scores.readers import cosines, rule_matrix, rule_values
from samedream.labels.scores.trials import score_fold
from samedream.labels.store import load_embedding
from samedream.records import Passage

AS_BADGED = "as badged"
"""Each label read as its badge is: a topic by the embedding, every other by its rule."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Reader:
    """One way to read a model's labels: how well each fits a passage, and which labels can be read so."""

    fit: Fit
    labelled: Mask


def readers(
    labels: Mapping[str, pa.Table], passages: Sequence[Passage], embedding: Path, embedder: str
) -> dict[str, dict[str, Reader]]:
    """Reader → side → how its labels are read.

    Args:
        labels: Side → ``labels.parquet``.
        passages: The corpus.
        embedding: ``labels/embedding``.
        embedder: Its source.

    Returns:
        "rule" always; "embedding" and "as badged" where the embedder is here.
    """
    named = {side: _named(table) for side, table in labels.items()}
    found = {RULE: _rules(labels, named, passages)}
    vectors = load_embedding(embedding)
    own = _vectors(labels, embedder) if vectors is not None else None
    if vectors is None or own is None:
        return found
    found[EMBEDDING] = {side: Reader(_cosines(own[side], vectors), named[side]) for side in labels}
    found[AS_BADGED] = {
        side: _either(np.isin(table["kind"].to_pylist(), THEMATIC), found[EMBEDDING][side], found[RULE][side])
        for side, table in labels.items()
    }
    return found


def _named(table: pa.Table) -> Mask:
    return np.array(
        [
            status == "ok" and label not in NAMELESS
            for status, label in zip(table["status"].to_pylist(), table["label"].to_pylist(), strict=True)
        ],
        dtype=np.bool_,
    )


def _rules(labels: Mapping[str, pa.Table], named: Mapping[str, Mask], passages: Sequence[Passage]) -> dict[str, Reader]:
    """Rules are counted in the score fold alone: no trial is elsewhere."""
    rows = score_fold(passages)
    rules = {
        side: [
            list(zip(terms, weights, strict=True))
            for terms, weights in zip(table["rule_terms"].to_pylist(), table["rule_weights"].to_pylist(), strict=True)
        ]
        for side, table in labels.items()
    }
    terms = sorted({term for side in rules.values() for rule in side for term, _ in rule})
    counts = count_terms([passages[row].text for row in rows], terms)

    def fit(side: str) -> Fit:
        matrix = rule_matrix(rules[side], terms)
        return lambda of, passage: rule_values(matrix, counts, of=of, passage=np.searchsorted(rows, passage))

    return {side: Reader(fit(side), named[side] & np.array([bool(rule) for rule in rules[side]])) for side in labels}


def _vectors(labels: Mapping[str, pa.Table], embedder: str) -> dict[str, NDArray[np.float32]] | None:
    """Labels as the neutral embedder sees them, each text once; None where the embedder is gone."""
    from samedream.labels.embedder import embed  # brings torch

    every = [label or "" for table in labels.values() for label in table["label"].to_pylist()]
    texts, index = np.unique(every, return_inverse=True)
    try:
        vectors = embed([str(text) for text in texts], embedder)[index]
    except ModelNotFoundError as error:
        progress.say(f"label transfer is not measured by the embedding: {error}")
        return None
    ends = np.cumsum([len(table) for table in labels.values()])[:-1]
    return dict(zip(labels, np.split(vectors, ends), strict=True))


def _cosines(labels: NDArray[np.float32], passages: NDArray[np.float32]) -> Fit:
    return lambda of, passage: cosines(labels, passages, of=of, passage=passage)


def _either(thematic: Mask, embedding: Reader, rule: Reader) -> Reader:
    def fit(of: NDArray[np.int64], passage: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(thematic[of], embedding.fit(of, passage), rule.fit(of, passage))

    return Reader(fit, np.where(thematic, embedding.labelled, rule.labelled))
