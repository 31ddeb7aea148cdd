"""The corpus on disk: `passages.parquet`, one row a passage. Its row order is the corpus order of every later stage."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.errors import CorruptArtifactError
from samedream.records import Passage

PASSAGES = "passages.parquet"
SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=name == "topic") for name in Passage.__struct_fields__])
_ROW_GROUP = 65_536


def save_passages(directory: Path, passages: Iterable[Passage]) -> Path:
    """Write passages atomically; equal passages make equal bytes.

    Returns:
        The file's path, for the manifest.
    """
    path = directory / PASSAGES
    rows = list(passages)
    table = pa.table({name: [getattr(row, name) for row in rows] for name in SCHEMA.names}, schema=SCHEMA)
    with artifacts.atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=_ROW_GROUP)
    return path


def load_passages(directory: Path) -> list[Passage]:
    """The passages of a finished corpus, in corpus order.

    Raises:
        MissingArtifactError: The corpus stage has not finished.
        CorruptArtifactError: The file does not fit its checksum, or is no table of passages.
    """
    path = artifacts.verify(directory, PASSAGES)
    try:
        table = pq.read_table(path, columns=SCHEMA.names)
    except (pa.ArrowException, OSError) as error:
        raise CorruptArtifactError(f"{path} is no table of passages ({error}); delete {directory} and rerun") from error
    return [Passage(*row) for row in zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True)]
