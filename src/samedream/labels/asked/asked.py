"""`ask_scores`: labels and held-out trials in, scores by a language model out, with what it was asked counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from samedream.labels.asked.batches import EXEMPLARS, STRATA, Batch, Pool, detection, fuzzing, intruder, pool
from samedream.labels.asked.figures import UNKNOWN, Answers, Score, choices, yes_or_no
from samedream.labels.asked.prompts import (
    choice,
    detection_question,
    fuzzing_question,
    intruder_question,
    verdicts,
)
from samedream.labels.language.question import Ask, Question, Reply
from samedream.labels.scores.trials import Trials
from samedream.records import Interval

TASKS = ("detection", "fuzzing", "intruder")
_WITH_LABEL: dict[str, tuple[Callable[[Pool, int], list[Batch]], Callable[..., Question]]] = {
    "detection": (detection, detection_question),
    "fuzzing": (fuzzing, fuzzing_question),
}


@dataclass(frozen=True)
class Asked:
    """What a language model says of labels.

    Attributes:
        scores: Task → a score for every feature, empty ones for those not asked about.
        counts: Task → how many questions were "ok", "failed" and "not asked", and how many features have a score.
    """

    scores: dict[str, list[Score]]
    counts: dict[str, dict[str, int]]

    def columns(self) -> dict[str, list[Any]]:
        """Columns of `labels.parquet`, a value or None for each feature."""
        return {name: values for task, scores in self.scores.items() for name, values in _columns(task, scores).items()}


@dataclass(frozen=True)
class _Round:
    """Questions about the passages of one batch, and the questions' places among all."""

    task: str
    batch: Batch
    places: tuple[int, ...]


def ask_scores(
    ask: Ask,
    trials: Trials,
    texts: Sequence[str],
    *,
    labels: Sequence[str | None],
    others: Sequence[str | None],
    seed: int,
) -> Asked:
    """Score labels on held-out passages by asking about these.

    A feature costs at most 18 questions of up to eight passages: 3 of detection and 3 of fuzzing with its label, as
    many with another feature's, 6 of the intruder.

    Args:
        ask: Who is asked, best not the one who labelled.
        trials: Held-out passages.
        texts: Every passage of the corpus.
        labels: Of every feature; None: not asked about.
        others: Another feature's label for each, the control: it is tried on the same passages.
        seed: Of all draws.
    """
    drawn = pool(trials, texts, seed)
    questions: list[Question] = []
    rounds: list[_Round] = []

    def put(task: str, batch: Batch, asked: Iterable[Question]) -> None:
        first = len(questions)
        questions.extend(asked)
        rounds.append(_Round(task, batch, tuple(range(first, len(questions)))))

    for feature, (label, other) in enumerate(zip(labels, others, strict=True)):
        if not label:
            continue
        for task, (draw, write) in _WITH_LABEL.items():
            for batch in draw(drawn, feature):
                put(task, batch, [write(batch, texts, name) for name in (label, other) if name])
        for batch in intruder(drawn, feature):
            put("intruder", batch, [intruder_question(batch, texts)])
    return _scored(rounds, ask(questions), features=len(labels), seed=seed)


def _scored(rounds: Sequence[_Round], replies: Sequence[Reply], *, features: int, seed: int) -> Asked:
    scores: dict[str, list[Score]] = {task: [Score()] * features for task in TASKS}
    counts: dict[str, dict[str, int]] = {}
    for number, task in enumerate(TASKS):
        mine = [one for one in rounds if one.task == task]
        for feature, of_feature in groupby(mine, lambda one: one.batch.feature):
            answered = [(one.batch, [replies[i] for i in one.places]) for one in of_feature]
            rng = np.random.default_rng([seed, feature, len(TASKS) + number])
            scores[task][feature] = (_chosen if task == "intruder" else _judged)(answered, rng)
        status = Counter(replies[i].status for one in mine for i in one.places)
        counts[task] = {
            **{name: status[name] for name in ("ok", "failed", "not asked")},
            "features": sum(score.score is not None for score in scores[task]),
        }
    return Asked(scores, counts)


def _judged(answered: Sequence[tuple[Batch, list[Reply]]], rng: np.random.Generator) -> Score:
    items = [item for batch, _ in answered for item in batch.items]
    said: list[list[int]] = [[], []]
    for batch, replies in answered:
        for which in (0, 1):
            found = verdicts(replies[which], len(batch.items)) if which < len(replies) else [None] * len(batch.items)
            said[which] += [UNKNOWN if value is None else int(value) for value in found]
    answers = Answers(
        group=np.array([item.group for item in items], np.int8),
        truth=np.array([item.truth for item in items], np.bool_),
        said=np.array(said[0], np.int8),
        control=np.array(said[1], np.int8),
    )
    return yes_or_no(answers, rng)


def _chosen(answered: Sequence[tuple[Batch, list[Reply]]], rng: np.random.Generator) -> Score:
    right, group = [], []
    for batch, replies in answered:
        place = choice(replies[0], len(batch.items))
        right.append(UNKNOWN if place is None else int(batch.items[place].truth))
        group.append(min(item.group for item in batch.items))
    chance = 1 / (EXEMPLARS + 1)
    return choices(np.array(group, np.int8), np.array(right, np.int8), chance=chance, rng=rng)


def _parts(intervals: Sequence[Interval | None], name: str) -> list[Any]:
    return [getattr(found, name) if found else None for found in intervals]


def _columns(task: str, scores: Sequence[Score]) -> dict[str, list[Any]]:
    def part(which: str, name: str) -> list[Any]:
        return _parts([getattr(score, which) for score in scores], name)

    def stratum(i: int) -> dict[str, list[Any]]:
        found = [score.strata[i] for score in scores]
        return {end: _parts(found, name) for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))}

    return {
        task: part("score", "value"),
        f"{task}_low": part("score", "low"),
        f"{task}_high": part("score", "high"),
        f"{task}_shuffled": [score.shuffled for score in scores],
        f"{task}_lift": part("lift", "value"),
        f"{task}_lift_low": part("lift", "low"),
        f"{task}_lift_high": part("lift", "high"),
        **{f"{task}_{name}{end}": values for i, name in enumerate(STRATA) for end, values in stratum(i).items()},
    }
