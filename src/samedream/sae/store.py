"""What the sae stage leaves on disk, and reading it back."""

from pathlib import Path

import msgspec

from samedream.errors import CorruptArtifactError, MissingArtifactError
from samedream.sae.advice import Metric

STAGE = "sae"
HEALTH = "health.json"


class Health(msgspec.Struct, frozen=True):
    """`health.json`: figures on held-out rows, and how the training went.

    Attributes:
        rows: Held-out rows.
        metrics: The figures with their healthy ranges.
        training: Resolved settings and the history of the loss.
        downstream: What the figures of the model's own loss were taken on, or why they were left out.
    """

    rows: int
    metrics: list[Metric]
    training: dict[str, msgspec.Raw] = {}
    downstream: dict[str, msgspec.Raw] = {}


def load_health(directory: Path) -> Health:
    """Health figures of a dictionary.

    Raises:
        MissingArtifactError: There are none (a dictionary that was not trained here).
        CorruptArtifactError: The file cannot be read.
    """
    path = directory / HEALTH
    if not path.is_file():
        raise MissingArtifactError(f"{directory} has no {HEALTH}: expected what the sae stage writes; rerun it")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Health)
    except msgspec.DecodeError as error:
        raise CorruptArtifactError(
            f"{path} cannot be read ({error}); delete {directory} and rerun to make it again"
        ) from error
