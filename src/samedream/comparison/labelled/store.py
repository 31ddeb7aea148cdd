"""The directory ``comparison/<a>--<b>/labelled/``: names, reading and writing.

`written.json`   the comparison in words, each sentence with its figures and features (see `claims.Written`)
`written.md`     the same to read
"""

from pathlib import Path

import msgspec

from samedream import artifacts
from samedream.comparison.labelled.claims import Written
from samedream.comparison.labelled.written import markdown
from samedream.errors import CorruptArtifactError

DIRECTORY = "labelled"
WRITTEN = "written.json"
TEXT = "written.md"


def save_written(directory: Path, written: Written) -> list[Path]:
    """Write the comparison in words, for programs and to read; the files written."""
    artifacts.write_json(directory / WRITTEN, written)
    artifacts.write_bytes(directory / TEXT, markdown(written).encode())
    return [directory / WRITTEN, directory / TEXT]


def load_written(directory: Path) -> Written:
    """The comparison in words.

    Raises:
        MissingArtifactError: The task is not done.
        CorruptArtifactError: The file does not fit its checksum, or is of another version.
    """
    path = artifacts.verify(directory, WRITTEN)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Written)
    except msgspec.DecodeError as error:
        raise CorruptArtifactError(f"{path} cannot be read ({error}); delete {directory} and rerun") from error
