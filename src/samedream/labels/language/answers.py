"""Answers kept on disk, so that nothing is asked, or paid for, twice.

One file, a line for each question: SHA-256 of the rest of the line, a space, JSON. A line is written at once and never
changed. What a killed run left half-written does not fit its checksum and is passed over; all before it counts. Keys
are hashes of the question and of who is asked; prompts are not kept.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec.structs import asdict

from samedream import artifacts
from samedream.labels.language.question import Question

ANSWERS = "answers.jsonl"


class Answer(msgspec.Struct, frozen=True):
    """What a model answered.

    Attributes:
        status: "ok", or "failed": what it wrote fits the schema neither at once nor after the repair.
        value: What it answered; None if failed.
        problem: Why it failed.
        tokens_in: Tokens of all prompts it took.
        tokens_out: Tokens of all that was written.
        local: Whether the model ran on this machine, where tokens cost nothing.
    """

    status: Literal["ok", "failed"]
    value: dict[str, Any] | None
    problem: str
    tokens_in: int
    tokens_out: int
    local: bool


def key_of(question: Question, who: str) -> str:
    """The key of a question's answer: a hash of everything in it and of who is asked."""
    essence = asdict(question) | {"schema": dict(question.schema), "who": who}
    del essence["task"]  # says what for, changes no answer
    return hashlib.sha256(artifacts.canonical_json(essence)).hexdigest()


class Answers:
    """The answers in a directory."""

    def __init__(self, directory: Path) -> None:
        """Load what is there; the directory is made with the first answer."""
        self.path = directory / ANSWERS
        self.known: dict[str, Answer] = {}
        self._handle: int | None = None
        if self.path.exists():
            for line in self.path.read_bytes().split(b"\n"):
                if (loaded := _load(line)) is not None:
                    self.known[loaded[0]] = loaded[1]

    def get(self, key: str) -> Answer | None:
        """The answer to a question, or None."""
        return self.known.get(key)

    def add(self, key: str, answer: Answer) -> None:
        """Keep an answer.

        Raises:
            DiskFullError: There is no room for it.
        """
        self.known[key] = answer
        body = json.dumps({"key": key} | asdict(answer), sort_keys=True).encode()
        with artifacts.room_for(self.path):
            if self._handle is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                os.write(self._handle, b"\n")  # ends a line that a killed run left half-written
            os.write(self._handle, hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n")

    def close(self) -> None:
        """Put everything on the disk."""
        if self._handle is not None:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = None


def _load(line: bytes) -> tuple[str, Answer] | None:
    digest, _, body = line.partition(b" ")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    values = json.loads(body)
    try:
        return values["key"], msgspec.convert(values, Answer)
    except (KeyError, msgspec.ValidationError):  # of another version of samedream
        return None
