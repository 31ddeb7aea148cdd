"""The dense measures as a table: are the two spaces alike as a whole?"""

from typing import Any

from samedream.report.tables import Cell, Column, Line, Table, at, cell, interval, kept
from samedream.report.words import CANNOT_TELL, figure

_MEASURES = (
    ("cka", "CKA", "how alike the two maps of passages are, pair by pair of passages (debiased, linear)"),
    ("rsa", "RSA", "do the same passages lie near each other? (correlation of cosines)"),
    ("neighbours", "shared neighbours", "of a passage’s ten nearest others, those that both models have"),
    ("procrustes", "Procrustes", "how well one space, turned, lies on the other"),
    ("cca", "CCA", "how far their main directions say the same"),
    ("ridge_a_to_b", "{a} predicts {b}", "share of the variance that a linear map explains on other articles (R²)"),
    ("ridge_b_to_a", "{b} predicts {a}", "the same the other way"),
)
_SHOWN = (
    ("states", "hidden states"),
    ("z-scored features", "features, each counting alike"),
    ("features", "plain features"),
)


def spaces(found: Any, names: tuple[str, str]) -> Table:
    """The table of a summary's `dense`.

    Args:
        found: The section; None where too few passages have hidden states of all models.
        names: The two models, a first.
    """
    measures = at(found, "measures")
    shown = [one for one in _SHOWN if any(at(measures, key, one[0]) for key, _, _ in _MEASURES)]
    lines = [
        Line(words.format(a=names[0], b=names[1]), meaning, tuple(_cell(at(measures, key, name)) for name, _ in shown))
        for key, words, meaning in _MEASURES
    ]
    notes = [str(note) for note in at(found, "notes") or ()]
    if not shown:
        why = " ".join(notes) or "too few passages have hidden states of all sides, or it was left out (dense = false)."
        return Table("spaces", f"Whether the spaces as a whole are alike: {CANNOT_TELL}", gap=why)
    return Table(
        "spaces",
        _title(measures, shown),
        tuple(Column(words) for _, words in shown),
        kept(lines),
        "No feature is matched here. Read each figure between its ticks: the floor, the highest that random twins "
        "reach, and the ceiling, the lower of what the two models reach with a second dictionary (hidden states have "
        "none: it reads the same). What lies above the floor is more than random weights give. Two twins are often "
        "more like each other than like any trained model. Plain features count with their variance: the few that fire "
        f"nearly everywhere decide. {' '.join(notes)}".strip(),
    )


def _cell(found: Any) -> Cell:
    floor = at(found, "floors", str(at(found, "highest_floor")), "value")
    ceilings = [value for side in ("a", "b") if (value := at(found, "ceilings", side, "value")) is not None]
    ceiling = min(ceilings, default=None)
    notes = [
        f"{words} {figure(value)}" for words, value in (("floor", floor), ("ceiling", ceiling)) if value is not None
    ]
    return cell(found, note=", ".join(notes), ticks=[floor, ceiling])


def _title(measures: Any, shown: list[tuple[str, str]]) -> str:
    """On how many measures the models are above every floor, for each representation."""
    said = []
    for name, words in shown:
        above = [interval(at(measures, key, name, "above_floor")) for key, _, _ in _MEASURES]
        known = [one for one in above if one]
        if known:
            said.append(f"{sum(one.low > 0 for one in known)} of {len(known)} measures on {words}")
    return f"More alike than random twins by {'; by '.join(said)}" if said else "The two spaces as a whole"
