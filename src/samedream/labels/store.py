"""What the labels stage leaves on disk, and how to load it.

`labels.parquet`   one row per feature: feature, label, keywords, keyword_scores, rule_terms, rule_weights,
                   trigger_words, next_words, topics, topic_shares, titles, kind, status ("ok", "dead", "too rare");
                   whose words the label is: label_source ("offline", "llm"), offline_label, description, llm_kind,
                   llm_confidence, llm_status ("ok", "failed", "not asked"; null: no model was to be asked); the
                   columns of `score_columns` for each score; headline, badge, score_status
`trials.parquet`   the held-out passages that each label was tried on: feature, passage (row of the corpus), group,
                   value, start, end
`scores.json`      what the scores and their controls come to, over all features
`embedding.npy`    in `labels/embedding`: float32 [passages, width], rows in corpus order, of length 1
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from samedream import artifacts
from samedream.labels.keywords import Label
from samedream.labels.scores.judged import Judged
from samedream.labels.scores.scoring import Scores
from samedream.labels.scores.trials import GROUPS, POSITIVE, Trials

LABELS = "labels.parquet"
TRIALS = "trials.parquet"
SCORES = "scores.json"
EMBEDDING = "embedding.npy"
_SCHEMA = pa.schema(
    {
        "feature": pa.int32(),
        "label": pa.string(),
        "keywords": pa.list_(pa.string()),
        "keyword_scores": pa.list_(pa.float32()),
        "rule_terms": pa.list_(pa.string()),
        "rule_weights": pa.list_(pa.float32()),
        "trigger_words": pa.list_(pa.string()),
        "next_words": pa.list_(pa.string()),
        "topics": pa.list_(pa.string()),
        "topic_shares": pa.list_(pa.float32()),
        "titles": pa.list_(pa.string()),
        "kind": pa.string(),
        "status": pa.string(),
    }
)


_OFFLINE = ("embedding", "rule")
_STRATA = tuple(f"_{stratum}{end}" for stratum in GROUPS[:POSITIVE] for end in ("", "_low", "_high"))
_ENDS = ("", "_low", "_high", "_shuffled", "_lift", "_lift_low", "_lift_high", *_STRATA)
_TRIALS = ("feature", "passage", "group", "value", "start", "end")


def save_labels(
    directory: Path,
    labels: Sequence[Label],
    judged: Judged,
    *,
    described: Mapping[str, Sequence[str | None]],
    asked: Mapping[str, pa.Array],
) -> Path:
    """Write labels.parquet.

    Args:
        directory: Where.
        labels: Offline labels.
        judged: Their offline scores and badges.
        described: Whose words the labels are: columns that stand in place of or after those.
        asked: Columns of the scores by a language model.
    """
    table = pa.table({name: [getattr(label, name) for label in labels] for name in _SCHEMA.names}, schema=_SCHEMA)
    for name, words in described.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, pa.array(words, pa.string()))
    for name in _OFFLINE:
        for column, values in score_columns(name, judged.scores.get(name), len(labels)).items():
            table = table.append_column(column, values)
    for column, values in asked.items():
        table = table.append_column(column, values)
    for name, given in (("headline", judged.headline), ("badge", judged.badge), ("score_status", judged.status)):
        table = table.append_column(name, pa.array(given, pa.string()))
    path = directory / LABELS
    with artifacts.atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def score_columns(name: str, scores: Scores | None, features: int) -> dict[str, pa.Array]:
    """The columns of one score, float32; null where it is not supported, and all null without `scores`."""
    columns = [np.full(features, np.nan)] * len(_ENDS)
    if scores is not None:
        own = (scores.value, scores.low, scores.high, scores.shuffled)
        strata = np.stack([scores.strata, scores.strata_low, scores.strata_high], axis=2).reshape(features, -1)
        columns = [*own, scores.lift, scores.lift_low, scores.lift_high, *strata.T]
    return {
        f"{name}{end}": pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)
        for end, values in zip(_ENDS, columns, strict=True)
    }


def load_labels(directory: Path) -> pa.Table:
    """Load labels.parquet.

    Raises:
        MissingArtifactError: The stage is not done.
        CorruptArtifactError: The file does not fit its checksum.
    """
    return pq.read_table(artifacts.verify(directory, LABELS))


def save_trials(directory: Path, trials: Trials) -> Path:
    """Write trials.parquet."""
    path = directory / TRIALS
    with artifacts.atomic_path(path) as temporary:
        pq.write_table(pa.table({name: getattr(trials, name) for name in _TRIALS}), temporary, compression="zstd")
    return path


def load_trials(directory: Path) -> Trials:
    """Load trials.parquet; raises what `load_labels` raises."""
    table = pq.read_table(artifacts.verify(directory, TRIALS))
    return Trials(**{name: table[name].to_numpy() for name in _TRIALS})


def save_summary(directory: Path, summary: Mapping[str, Any]) -> Path:
    """Write scores.json."""
    path = directory / SCORES
    artifacts.write_json(path, summary)
    return path


def load_summary(directory: Path) -> dict[str, Any]:
    """Load scores.json; raises what `load_labels` raises."""
    summary: dict[str, Any] = msgspec.json.decode(artifacts.verify(directory, SCORES).read_bytes())
    return summary


def save_embedding(directory: Path, embedding: NDArray[np.float32]) -> Path:
    """Write embedding.npy, float32 [passages, width]."""
    path = directory / EMBEDDING
    with artifacts.atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, embedding, allow_pickle=False)
    return path


def load_embedding(directory: Path) -> NDArray[np.float32] | None:
    """Map embedding.npy, float32 [passages, width]; None where there was no embedder to make it.

    Raises:
        MissingArtifactError: The stage is not done.
        CorruptArtifactError: The file does not fit its checksum.
    """
    if not artifacts.require_manifest(directory).files:
        return None
    loaded: NDArray[np.float32] = np.load(artifacts.verify(directory, EMBEDDING), mmap_mode="r")
    return loaded
