"""How far the automatic scores agree with people: Cohen's kappa (Cohen 1960, Educ. Psychol. Meas. 20), by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from samedream.labels.rating.records import Rating
from samedream.labels.scores.badges import FAIR_OR_BETTER
from samedream.records import Interval

LEAST = 10  # answers below which no agreement is reported
_DRAWS = 1000
_CONFIDENCE = 0.95

Mask = NDArray[np.bool_]


class Agreement(msgspec.Struct, frozen=True):
    """One rater against the automatic badge.

    Attributes:
        rater: Their name.
        rated: Items answered.
        unsure: Of these, "unsure": they enter nothing else.
        yes: Share of the feature's own labels that were said to fit, None where none was rated.
        controls: Items that carried another feature's label.
        controls_yes: How many of those were said to fit all the same: what a yes is worth.
        compared: Own labels with a yes or no and a badge; labels made anew since are not compared.
        outdated: Answers to labels that are no longer the feature's.
        kappa: Of yes and no against badge fair or better; None with fewer than ten compared, or where one of the two
            always says the same.
        why: Why there is no kappa; "" where there is one.
    """

    rater: str
    rated: int
    unsure: int
    yes: float | None
    controls: int
    controls_yes: int
    compared: int
    outdated: int
    kappa: Interval | None
    why: str = ""


def cohen_kappa(one: Mask, other: Mask) -> float | None:
    """Agreement of two raters beyond what their shares of yes give by chance: (p_o - p_e) / (1 - p_e).

    Args:
        one: Answers of one, bool ``[items]``.
        other: Of the other.

    Returns:
        None where chance alone would agree always (both always say the same), or without items.
    """
    if not one.size:
        return None
    found = float(_kappas(one, other))
    return None if np.isnan(found) else found


def _kappas(one: Mask, other: Mask) -> NDArray[np.float64]:
    """Kappa over the last axis, NaN where chance alone would agree always."""
    yes, too = one.mean(axis=-1), other.mean(axis=-1)
    chance = np.asarray(yes * too + (1 - yes) * (1 - too))
    apart = np.where(chance < 1, 1 - chance, np.nan)
    return np.asarray(((one == other).mean(axis=-1) - chance) / apart)


def kappa_interval(one: Mask, other: Mask, seed: int = 0) -> Interval | None:
    """Cohen's kappa with its bootstrap interval over items; draws in which it is not defined are left out."""
    value = cohen_kappa(one, other)
    if value is None:
        return None
    rng = np.random.default_rng(seed)
    rows = rng.integers(one.size, size=(_DRAWS, one.size))
    low, high = np.nanquantile(_kappas(one[rows], other[rows]), [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Interval(value, float(low), float(high), _CONFIDENCE)


def agreements(
    ratings: Sequence[Rating], labels: Mapping[str, Sequence[Mapping[str, Any]]], seed: int = 0
) -> list[Agreement]:
    """Each rater's agreement with the badges.

    Args:
        ratings: All answers.
        labels: Model → rows of ``labels.parquet`` (label, badge), each at the place of its feature.
        seed: Of the bootstrap.
    """
    raters = dict.fromkeys(rating.rater for rating in ratings)
    return [_agreement(name, [one for one in ratings if one.rater == name], labels, seed=seed) for name in raters]


def _agreement(
    rater: str, ratings: Sequence[Rating], labels: Mapping[str, Sequence[Mapping[str, Any]]], *, seed: int
) -> Agreement:
    sure = [one for one in ratings if one.answer != "unsure"]
    own, controls = [one for one in sure if not one.control], [one for one in sure if one.control]
    current = [(one, row) for one in own if (row := _row(labels, one)) is not None and row["label"] == one.label]
    compared = [(one, row["badge"]) for one, row in current if row.get("badge") is not None]
    said = np.array([one.answer == "yes" for one, _ in compared], dtype=np.bool_)
    scored = np.array([badge in FAIR_OR_BETTER for _, badge in compared], dtype=np.bool_)
    kappa = kappa_interval(said, scored, seed) if len(compared) >= LEAST else None
    why = ""
    if len(compared) < LEAST:
        why = f"{len(compared)} own labels with a yes or no and a badge, at least {LEAST} are needed"
    elif kappa is None:
        why = "rater and scores both always say the same"
    return Agreement(
        rater=rater,
        rated=len(ratings),
        unsure=len(ratings) - len(sure),
        yes=sum(one.answer == "yes" for one in own) / len(own) if own else None,
        controls=len(controls),
        controls_yes=sum(one.answer == "yes" for one in controls),
        compared=len(compared),
        outdated=len(own) - len(current),
        kappa=kappa,
        why=why,
    )


def _row(labels: Mapping[str, Sequence[Mapping[str, Any]]], rating: Rating) -> Mapping[str, Any] | None:
    rows = labels.get(rating.model, ())
    return rows[rating.feature] if rating.feature < len(rows) else None


def sentence(found: Agreement) -> str:
    """One rater's agreement in words."""
    said = f"{found.rater}: {found.rated} rated, {found.unsure} unsure"
    if found.yes is not None:
        said += f"; {100 * found.yes:.0f} % of the labels fit"
    if found.controls:
        said += f"; of {found.controls} labels of another feature {found.controls_yes} were said to fit"
    if found.kappa is None:
        said += f"; agreement with the scores cannot be told ({found.why})"
    else:
        kappa = found.kappa
        said += (
            f"; agreement with the badge (fair or better) kappa = {kappa.value:.2f} [{kappa.low:.2f}–{kappa.high:.2f}] "
            f"over {found.compared}"
        )
    return said + (f"; {found.outdated} of labels that were made anew since" if found.outdated else "")
