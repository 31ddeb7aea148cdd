"""The labels stage's last step: asks the scorer about every label that a language model was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream import progress
from samedream.labels.asked.asked import TASKS, Asked, ask_scores
from samedream.labels.asked.figures import Score
from samedream.labels.config import LabelsConfig
from samedream.labels.keywords import Label
from samedream.labels.kinds import NAMELESS
from samedream.labels.language.question import Ask
from samedream.labels.scores.badges import badge_of
from samedream.labels.scores.judged import Judged
from samedream.labels.scores.shuffled import others
from samedream.labels.scores.trials import Trials
from samedream.records import Passage

DETECTION = TASKS[0]


def score_by_asking(
    ask: Ask | None,
    labels: Sequence[Label],
    wanted: Sequence[int],
    trials: Trials,
    *,
    passages: Sequence[Passage],
    fired: NDArray[np.int64],
    seed: int,
) -> Asked | None:
    """Ask about labels; None where no language model is to be asked.

    Args:
        ask: Who is asked.
        labels: As they are shown, one for each feature.
        wanted: The features that the labeller was asked about.
        trials: Held-out passages.
        passages: The corpus.
        fired: Passages on which each feature fires, int64 ``[features]``: the control is the label of a feature that
            fires as often.
        seed: Of all draws.
    """
    if ask is None:
        return None
    named = np.zeros(len(labels), np.bool_)
    named[list(wanted)] = [labels[feature].label not in NAMELESS for feature in wanted]
    control = others(fired, named, seed=seed)[0]
    return ask_scores(
        ask,
        trials,
        [passage.text for passage in passages],
        labels=[label.label if known else None for label, known in zip(labels, named, strict=True)],
        others=[labels[other].label if other >= 0 else None for other in control],
        seed=seed,
    )


def rebadged(judged: Judged, asked: Asked | None, own_words: NDArray[np.bool_]) -> Judged:
    """The badges of labels that a language model wrote rest on detection where it has a lift.

    The offline scores read such a label word by word; "names of painting styles" need not stand in any passage.

    Args:
        judged: The offline scores, and the badges that rest on them.
        asked: The language model's scores.
        own_words: Whether the label that is shown is the language model's, bool ``[features]``.
    """
    headline, badge = list(judged.headline), list(judged.badge)
    for feature in np.flatnonzero(own_words):
        lift = asked.scores[DETECTION][feature].lift if asked is not None else None
        if lift is not None:
            headline[feature], badge[feature] = DETECTION, badge_of(lift.low)
    return replace(judged, headline=headline, badge=badge)


def score_columns(asked: Asked | None, features: int) -> dict[str, pa.Array]:
    """The columns of `labels.parquet`, float32; null where there is no score, all of them where nobody was asked."""
    known = asked or Asked({task: [Score()] * features for task in TASKS}, {})
    return {name: pa.array(values, pa.float32()) for name, values in known.columns().items()}


def scorer(config: LabelsConfig) -> str | None:
    """Who scores, where another than the labeller does; said where it is the same. None: nobody, or the labeller."""
    if config.llm is not None and config.scorer in (None, config.llm):
        progress.say("labels are scored by the model that wrote them; another is the better judge (labels.scorer)")
    return config.scorer if config.llm is not None else None


def summary(asked: Asked | None, config: LabelsConfig) -> Mapping[str, Any] | None:
    """What the scores come to, over the features that have one: medians, as of the offline scores; None of nobody."""
    if asked is None:
        return None
    return {
        "scorer": config.scorer or config.llm,
        "scorer_is_labeller": config.scorer in (None, config.llm),
        "scores": {task: {**_medians(scores), "answers": asked.counts[task]} for task, scores in asked.scores.items()},
    }


def _medians(scores: Sequence[Score]) -> dict[str, Any]:
    known = [score for score in scores if score.score is not None]
    lifts = [score.lift.value for score in known if score.lift is not None]
    return {
        "features": len(known),
        "score": _median([score.score.value for score in known if score.score is not None]),
        "shuffled": _median([score.shuffled for score in known if score.shuffled is not None]),
        "lift": _median(lifts),
        "above_shuffled": float(np.mean([lift > 0 for lift in lifts])) if lifts else None,
    }


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
