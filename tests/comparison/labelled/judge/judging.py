"""Stand-ins for a language model that judges."""

import re

import numpy as np

from samedream.labels.language.question import Reply

FAILED = Reply("failed", problem="an answer that does not fit the schema")


def groups(question):
    """The passages asked about, and those of each group."""
    parts = re.split(r"\n\nGroup \d:\n", question.user.removeprefix("Passages:\n"))
    return [[line.removeprefix("- ") for line in part.split("\n")] for part in parts]


class Reads:
    """Takes the group whose marked words are most often those of the first passages; the first of equals."""

    def __init__(self):
        self.asked = []

    def __call__(self, questions):
        self.asked += questions
        return [Reply("ok", {"group": self.choose(question)}) for question in questions]

    def choose(self, question):
        own, *others = ([re.search("<<(.*)>>", text)[1] for text in part] for part in groups(question))
        return 1 + int(np.argmax([sum(word in own for word in part) for part in others]))


class Coin:
    """Takes any group."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __call__(self, questions):
        return [Reply("ok", {"group": int(self.rng.integers(1, 5))}) for _ in questions]


class First:
    """Takes whatever stands first."""

    def __call__(self, questions):
        return [Reply("ok", {"group": 1}) for _ in questions]


class Fails:
    """Fails at every second question, or at all of them."""

    def __init__(self, other=None):
        self.other = other

    def __call__(self, questions):
        if self.other is None:
            return [FAILED for _ in questions]
        return [FAILED if i % 2 else reply for i, reply in enumerate(self.other(questions))]
