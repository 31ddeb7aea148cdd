"""``labels/ratings.jsonl``: one line for each answer, appended at once, never rewritten."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from samedream.errors import CorruptArtifactError

FILE = "ratings.jsonl"
Answer = Literal["yes", "no", "unsure"]


class Rating(msgspec.Struct, frozen=True):
    """One answer to one item.

    Attributes:
        key: The item's key: one rater answers it once, the last answer counts.
        rater: Who, by the name they gave.
        time: When, UTC, ISO 8601.
        model: The model's directory.
        feature: The feature whose passages were shown.
        label: The label that was shown.
        label_of: The feature whose label it is; another than `feature` in a control.
        answer: Whether the label fits.
        passages: Ids of the passages shown.
        asked_in: "terminal", or what else asked.
    """

    key: str
    rater: str
    time: str
    model: str
    feature: int
    label: str
    label_of: int
    answer: Answer
    passages: list[str]
    asked_in: str = "terminal"

    @property
    def control(self) -> bool:
        """Whether the label was another feature's."""
        return self.feature != self.label_of


def append(path: Path, rating: Rating) -> None:
    """Add a line and have it on disk before the next question. A last line that was cut short is taken off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not (before := path.read_bytes()).endswith(b"\n"):
        os.truncate(path, before.rfind(b"\n") + 1)
    with path.open("ab") as handle:
        handle.write(msgspec.json.encode(rating) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())


def load(path: Path) -> list[Rating]:
    """All answers, in the order given; of several answers of a rater to one item the last. None: an empty list.

    Raises:
        CorruptArtifactError: A line cannot be read; the message names it. A last line that was cut short is left out.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    found: dict[tuple[str, str], Rating] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rating = msgspec.json.decode(line, type=Rating)
        except msgspec.DecodeError as error:
            if number == len(lines):
                continue  # no line break after it: the write was cut
            raise CorruptArtifactError(
                f"{path}, line {number}, is no rating ({error}); mend or remove that line, the others are kept"
            ) from error
        found.pop((rating.rater, rating.key), None)
        found[rating.rater, rating.key] = rating
    return list(found.values())
