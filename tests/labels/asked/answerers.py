"""Stand-ins for a language model: they read the question as a model would, and answer by a rule."""

import re

import numpy as np

from samedream.labels.language.question import Reply

FAILED = Reply("failed", problem="an answer that does not fit the schema")


def shown(question):
    """The numbered passages of a question."""
    return re.findall(r"^\d+\. (.*)$", question.user, re.M)


def label_of(question):
    found = re.match(r"Label: (.*)", question.user)
    return found[1] if found else ""


def fill(question, values):
    """An answer of the question's form: a value for each of its keys."""
    return Reply("ok", dict(zip(question.schema["properties"], values, strict=True)))


class Knows:
    """Has read the rule: a label names words; a passage fits where one stands, a mark where it stands on one.

    The odd passage is the one whose mark, or else whose text, lacks the word that most of them have.
    """

    def __init__(self, words):
        self.words, self.asked = words, []

    def __call__(self, questions):
        self.asked += questions
        return [self.answer(question) for question in questions]

    def answer(self, question):
        passages = shown(question)
        if question.task == "intruder":
            common = max(self.words, key=lambda word: sum(word in self.marked(text) for text in passages))
            fits = [common in self.marked(text) for text in passages]
            return fill(question, [fits.index(False) + 1])
        texts = passages if question.task == "detection" else [self.marked(text) for text in passages]
        return fill(question, [any(word in text.lower() for word in label_of(question).split(", ")) for text in texts])

    @staticmethod
    def marked(text):
        found = re.search("<<(.*?)>>", text)
        return found[1].lower() if found else text.lower()


class Coin:
    """Answers at random."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def __call__(self, questions):
        return [self.answer(question) for question in questions]

    def answer(self, question):
        values = []
        for kind in question.schema["properties"].values():
            options = [False, True] if kind["type"] == "boolean" else kind["enum"]
            values.append(options[self.rng.integers(len(options))])
        return fill(question, values)


class First:
    """Says yes to everything, and chooses whatever stands first."""

    def __call__(self, questions):
        return [
            fill(q, [k["type"] == "boolean" or k["enum"][0] for k in q.schema["properties"].values()])
            for q in questions
        ]


class Fails:
    """Fails to answer every second question; answers the others as another would."""

    def __init__(self, other):
        self.other = other

    def __call__(self, questions):
        return [FAILED if i % 2 else reply for i, reply in enumerate(self.other(questions))]
