"""What the labels stage leaves on disk, and how to load it.

`labels.parquet`   one row per feature: feature, label, keywords, keyword_scores, trigger_words, topics, topic_shares,
                   titles, kind, status ("ok", "dead", "too rare")
`embedding.npy`    in `labels/embedding`: float32 [passages, width], rows in corpus order, of length 1
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from samedream import artifacts
from samedream.labels.keywords import Label

LABELS = "labels.parquet"
EMBEDDING = "embedding.npy"
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
