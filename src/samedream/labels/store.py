"""What the labels stage leaves on disk, and how to load it.

`labels.parquet`   one row per feature: feature, label, keywords, keyword_scores, trigger_words, topics, topic_shares,
                   titles, kind, status ("ok", "dead", "too rare")
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.labels.keywords import Label

LABELS = "labels.parquet"
_SCHEMA = pa.schema(
    {
        "feature": pa.int32(),
        "label": pa.string(),
        "keywords": pa.list_(pa.string()),
        "keyword_scores": pa.list_(pa.float32()),
        "trigger_words": pa.list_(pa.string()),
        "topics": pa.list_(pa.string()),
        "topic_shares": pa.list_(pa.float32()),
        "titles": pa.list_(pa.string()),
        "kind": pa.string(),
        "status": pa.string(),
    }
)


def save_labels(directory: Path, labels: Sequence[Label]) -> Path:
    """Write labels.parquet."""
    columns = {name: [getattr(label, name) for label in labels] for name in _SCHEMA.names}
    path = directory / LABELS
    with artifacts.atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=_SCHEMA), temporary, compression="zstd")
    return path


def load_labels(directory: Path) -> pa.Table:
    """Load labels.parquet.

    Raises:
        MissingArtifactError: The stage is not done.
        CorruptArtifactError: The file does not fit its checksum.
    """
    return pq.read_table(artifacts.verify(directory, LABELS))
