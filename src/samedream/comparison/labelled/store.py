"""The directory ``comparison/<a>--<b>/labelled/``: names, reading and writing.

`transfer.parquet`          a row for each feature of a, then of b: side, feature, partner, class, and for each way to
                            read labels (rule, embedding, as_badged) the AUC of its `_own` label, of the `_transferred`
                            one of its match and of `_shuffled` ones; null where it could not be judged
`labelled.json`             their means (transfer: direction → way to read labels → see `transfer.summarise`)
`written.json`              the comparison in words, each sentence with its figures and features (`claims.Written`)
`written.md`                the same to read
`written-by-model.json`, `written-by-model.md`   the same by a language model, where one was asked
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.comparison.labelled.claims import Written
from samedream.comparison.labelled.written import markdown
from samedream.errors import CorruptArtifactError

TRANSFER = "transfer.parquet"
LABELLED = "labelled.json"
WRITTEN = "written"
BY_MODEL = "written-by-model"


def save_transfer(directory: Path, table: pa.Table) -> Path:
    """Write transfer.parquet."""
    with artifacts.atomic_path(directory / TRANSFER) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return directory / TRANSFER


def save_labelled(directory: Path, found: dict[str, Any]) -> Path:
    """Write labelled.json."""
    artifacts.write_json(directory / LABELLED, found)
    return directory / LABELLED


def load_labelled(directory: Path) -> dict[str, Any]:
    """The figures of a finished directory, their checksum checked."""
    loaded: dict[str, Any] = json.loads(artifacts.verify(directory, LABELLED).read_bytes())
    return loaded


def save_written(directory: Path, written: Written, name: str = WRITTEN) -> list[Path]:
    """Write the comparison in words, for programs and to read; the files written."""
    files = [directory / f"{name}.json", directory / f"{name}.md"]
    artifacts.write_json(files[0], written)
    artifacts.write_bytes(files[1], markdown(written).encode())
    return files


def load_written(directory: Path, name: str = WRITTEN) -> Written | None:
    """The comparison in words; None where no language model wrote one.

    Args:
        directory: The directory, finished.
        name: `WRITTEN`, or `BY_MODEL`.

    Raises:
        MissingArtifactError: The task is not done.
        CorruptArtifactError: The file does not fit its checksum, or is of another version.
    """
    if f"{name}.json" not in artifacts.require_manifest(directory).files and name == BY_MODEL:
        return None
    path = artifacts.verify(directory, f"{name}.json")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Written)
    except msgspec.DecodeError as error:
        raise CorruptArtifactError(f"{path} cannot be read ({error}); delete {directory} and rerun") from error
