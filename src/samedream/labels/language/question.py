"""A question to a language model and its reply: all that a labeller, a scorer or a judge knows of the model it asks."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec


class Question(msgspec.Struct, frozen=True):
    """One question; whatever is in it decides the cached answer's key, and nothing else does.

    Attributes:
        task: What it is for: "label", "detection", "fuzzing", "intruder", "judge", "writing". For reports only.
        system: The instructions.
        user: The question itself.
        schema: JSON schema of the answer, an object.
        max_tokens: Most tokens of the answer.
        seed: Of the sampling; different seeds are different questions (three candidates of one label).
        temperature: Of the sampling.
    """

    task: str
    system: str
    user: str
    schema: Mapping[str, Any]
    max_tokens: int = 200
    seed: int = 0
    temperature: float = 0.0


class Reply(msgspec.Struct, frozen=True):
    """What came of a question.

    Attributes:
        status: "ok"; "failed" (an answer that does not fit the schema after one repair, or an error that retries did
            not mend); "not asked" (the budget was used up before it, or the server had stopped answering).
        value: The answer, which fits the schema; None unless "ok".
        problem: What went wrong, one line; "" if "ok".
    """

    status: Literal["ok", "failed", "not asked"]
    value: Mapping[str, Any] | None = None
    problem: str = ""


class Ask(Protocol):
    """Something that answers questions: a server's client, or a test's stand-in."""

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        """Answer every question; replies in the order of the questions.

        Raises:
            LanguageError: Nobody is there to be asked (no server, a refused key); nothing has been answered yet. Once
                something was answered, what goes wrong is in the replies.
        """
        ...
