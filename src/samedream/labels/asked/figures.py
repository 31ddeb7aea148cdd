"""Scores from answers. Arrays only.

With yes and no as answers, the AUC is the balanced accuracy: the share of fitting passages called so and the share of
the others not called so, averaged (one point of the ROC curve, joined to its corners).

Intervals are bootstrap intervals: Rubin's Bayesian bootstrap (1981) of the answers, with Jeffreys' prior, since plain
resampling of a dozen answers that are all right would know no doubt. A label's answers and those of another feature's
label on the same passages are drawn together, so a lift keeps their pairing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.labels.asked.batches import FEWEST
from samedream.labels.scores.trials import POSITIVE
from samedream.records import Interval

UNKNOWN = -1
DRAWS = 2000
FEWEST_OF_STRATUM = 3

Floats = NDArray[np.float64]
Int8 = NDArray[np.int8]


@dataclass(frozen=True)
class Answers:
    """What was said of a feature's passages in one task, each [n].

    Attributes:
        group: Of the trial, index into `GROUPS`.
        truth: Whether yes is right, bool.
        said: What was said with the feature's label: 1 yes, 0 no, -1 no answer.
        control: What was said with another feature's label.
    """

    group: Int8
    truth: NDArray[np.bool_]
    said: Int8
    control: Int8


@dataclass(frozen=True)
class Score:
    """A feature's score in one task; a part that the answers cannot support is None.

    Attributes:
        score: The AUC (detection, fuzzing) or the share of right choices (intruder).
        shuffled: The same with another feature's label.
        lift: Their difference; for the intruder, what it is above chance.
        strata: `score` for the top, middle and weak passages alone.
    """

    score: Interval | None = None
    shuffled: float | None = None
    lift: Interval | None = None
    strata: tuple[Interval | None, ...] = (None,) * POSITIVE


def yes_or_no(answers: Answers, rng: np.random.Generator) -> Score:
    """The score of a label by yes and no.

    Args:
        answers: Of one feature. What was not answered is left out; fewer than four answers of a kind give no score.
        rng: Draws the bootstrap.
    """
    right, control = (_right(answers, said) for said in (answers.said, answers.control))
    if not _enough(answers.truth, right):
        return Score()
    both = (right != UNKNOWN) & (control != UNKNOWN)
    shuffled = lift = None
    if _enough(answers.truth, np.where(both, right, UNKNOWN)):
        shuffled = auc(answers.truth[both], control[both])
        gain = auc(answers.truth[both], right[both]) - shuffled
        lift = _interval(gain, _lifts(answers.truth[both], right[both], control[both], rng=rng))
    known = right != UNKNOWN
    drawn = _accuracies(answers.truth[known], right[known], rng)
    return Score(
        score=_interval(auc(answers.truth[known], right[known]), drawn),
        shuffled=shuffled,
        lift=lift,
        strata=tuple(_of_stratum(answers, right, stratum, rng) for stratum in range(POSITIVE)),
    )


def choices(group: Int8, right: Int8, *, chance: float, rng: np.random.Generator) -> Score:
    """The score of choices of one among several.

    Args:
        group: Stratum of each question's passages [questions].
        right: Whether the choice was right: 1, 0, or -1 for no answer [questions].
        chance: What anyone gets who knows nothing.
        rng: Draws the bootstrap.
    """
    known = right != UNKNOWN
    if known.sum() < FEWEST:
        return Score()
    score = _share(right[known], rng)
    lift = Interval(score.value - chance, score.low - chance, score.high - chance)
    parts = [right[known & (group == stratum)] for stratum in range(POSITIVE)]
    return Score(score, chance, lift, tuple(_share(part, rng) if part.size else None for part in parts))


def auc(truth: NDArray[np.bool_], right: Int8) -> float:
    """Balanced accuracy of answers that are right (1) or wrong (0), some of either truth."""
    return float(right[truth].mean() + right[~truth].mean()) / 2


def _right(answers: Answers, said: Int8) -> Int8:
    found: Int8 = np.where(said == UNKNOWN, UNKNOWN, (said == 1) == answers.truth).astype(np.int8)
    return found


def _enough(truth: NDArray[np.bool_], right: Int8, fewest: tuple[int, int] = (FEWEST, FEWEST)) -> bool:
    known = right != UNKNOWN
    return bool((known & truth).sum() >= fewest[0] and (known & ~truth).sum() >= fewest[1])


def _of_stratum(answers: Answers, right: Int8, stratum: int, rng: np.random.Generator) -> Interval | None:
    """A stratum's own passages against all that the answer no is right for; a moved mark is of a stratum too."""
    own = answers.group == stratum
    chosen = (right != UNKNOWN) & (own | (~answers.truth & (answers.group >= POSITIVE)))
    kept = np.where(chosen, right, UNKNOWN).astype(np.int8)
    moved = bool((own & ~answers.truth).any())
    if not _enough(answers.truth, kept, (FEWEST_OF_STRATUM, FEWEST_OF_STRATUM if moved else FEWEST)):
        return None
    truth, told = answers.truth[chosen], right[chosen]
    return _interval(auc(truth, told), _accuracies(truth, told, rng))


def _share(right: Int8, rng: np.random.Generator) -> Interval:
    hits, count = int(right.sum()), right.size
    return _interval(hits / count, rng.beta(hits + 0.5, count - hits + 0.5, DRAWS))


def _accuracies(truth: NDArray[np.bool_], right: Int8, rng: np.random.Generator) -> Floats:
    drawn = np.zeros(DRAWS)
    for kind in (True, False):
        hits, count = int(right[truth == kind].sum()), int((truth == kind).sum())
        drawn += rng.beta(hits + 0.5, count - hits + 0.5, DRAWS) / 2
    return drawn


def _lifts(truth: NDArray[np.bool_], right: Int8, control: Int8, *, rng: np.random.Generator) -> Floats:
    """Draws of the difference: of each truth, how probable each of right/wrong by right/wrong is."""
    drawn = np.zeros(DRAWS)
    for kind in (True, False):
        outcome = 2 * right[truth == kind] + control[truth == kind]
        shares = rng.dirichlet(np.bincount(outcome, minlength=4) + 0.25, DRAWS)
        drawn += (shares[:, 2] - shares[:, 1]) / 2
    return drawn


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(min(low, value)), float(max(high, value)))
