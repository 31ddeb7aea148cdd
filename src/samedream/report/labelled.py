"""What was measured of two models' labels, as tables: whether labels transfer, and what a blind judge says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samedream import artifacts
from samedream.comparison.labelled import DIRECTORY
from samedream.comparison.labelled.store import LABELLED
from samedream.report.reading import read_json
from samedream.report.tables import WAYS, Cell, Column, Line, Table, at, both_ways, cell, kept
from samedream.report.words import CANNOT_TELL, NONE, count, figure, listed, percent

_READERS = ("as badged", "rule", "embedding")  # the first that was measured is shown; the others are in the file
_LABELS = (
    ("own", "the feature’s own label", "the ceiling", True),
    ("transferred", "the label of its match in the other model", "", False),
    ("shuffled", "the label of another feature’s match", "the floor", True),
)
_GIVEN = (
    ("matched", "matched features", "features that pass the test", False),
    ("repeat", "a feature and the same model trained again", "more features pass there, weaker ones too", True),
    ("twin", "the nearest feature of the other’s random twin", "a model that never read anything", True),
    ("unmatched", "features that do not pass", "", True),
)
_JUDGES = (("llm", "A language model"), ("embedding", "A third model"))


def read_labelled(comparison: Path) -> Mapping[str, Any] | None:
    """The figures of a comparison's labels; None where they were not made.

    Args:
        comparison: ``comparison/<a>--<b>``.

    Raises:
        CorruptArtifactError: The file cannot be read.
    """
    directory = comparison / DIRECTORY
    return read_json(directory / LABELLED) if artifacts.read_manifest(directory) is not None else None


def labelled_tables(found: Mapping[str, Any] | None, names: tuple[str, str]) -> list[Table]:
    """Tables of label transfer and of the judge; none where nothing was measured.

    Args:
        found: ``labelled.json``.
        names: The two models, a first.
    """
    if found is None:
        return []
    tables = [_transfer(found.get("transfer"), names)] if "transfer" in found else []
    if found.get("judge"):
        tables.append(_judge(found["judge"], names))
    return tables


def _transfer(found: Any, names: tuple[str, str]) -> Table:
    """Columns are directions: labels of one tried on the features of the other."""
    reader = next((one for one in _READERS if any(at(found, way, one, "kept") for way in WAYS)), "")
    columns = tuple(Column(f"labels of {name} on {other}", n) for n, (name, other) in enumerate((names, names[::-1])))
    if not reader:
        title = f"Whether labels of one model predict the features of the other: {CANNOT_TELL}"
        return Table("transfer", title, gap="too few matched features whose own labels do better than other labels")
    shares = tuple(cell(at(found, way, reader, "kept"), share=True, note=_of(found, way, reader)) for way in WAYS)
    said = [percent(one["value"]) for way in WAYS if (one := at(found, way, reader, "kept"))]
    title = (
        f"A match’s label keeps {listed(list(dict.fromkeys(said)))} of what a feature’s own label tells on passages "
        "that neither was made from"
    )
    head = Line("share of the own label’s lead that it keeps", "(match − floor) / (own − floor)", shares)
    return Table(
        "transfer",
        title,
        columns,
        (head, *(Line(words, meaning, _auc(found, reader, key), control) for key, words, meaning, control in _LABELS)),
        "AUC of labels in telling held-out passages on which the other model’s matched feature fires from others, "
        "among them such that are near in meaning or hold the same words; .50 is guessing. Each label is read as its "
        "badge is. Intervals are over features. It could mislead: a share of a small lead is still small.",
    )


def _auc(found: Any, reader: str, key: str) -> tuple[Cell, ...]:
    return tuple(cell(at(found, way, reader, key)) for way in WAYS)


def _of(found: Any, way: str, reader: str) -> str:
    features = at(found, way, reader, "features")
    return f"{count(int(features))} features" if features else ""


def _judge(found: Mapping[str, Any], names: tuple[str, str]) -> Table:
    """A forced choice among four; chance is a quarter."""
    chance = float(found.get("chance") or 0.25)
    lines: list[Line] = []
    best: Sequence[str] = ()
    who = "A reader"
    for judge, words in _JUDGES:
        for negatives, among in (("meaning", "others near in meaning"), ("correlation", "the next-best in r")):
            part = at(found, judge, "negatives", negatives)
            for key, given, meaning, control in _GIVEN:
                cells = tuple(cell(at(part, way, key), share=True, ticks=(chance,)) for way in WAYS)
                lines.append(Line(f"{words.lower()}: {given}, among {among}", meaning, cells, control))
                if key == "matched" and not best and any(one.text != NONE for one in cells):
                    best, who = [one.text for one in cells if one.text != NONE], words
    title = (
        f"{who} that sees passages alone picks the match among four in {listed(list(dict.fromkeys(best)))} of cases"
        if best
        else f"Whether a reader of passages alone picks the match: {CANNOT_TELL}"
    )
    return Table(
        "judge",
        title,
        both_ways(names),
        kept(lines),
        f"Blind forced choice among four features, chance {figure(chance)} (the tick): no labels, no figures, no "
        "names. It could mislead: the next-best features in r are often of the very same meaning, for the model’s own "
        "repeat too.",
        "" if best else "too few matches with enough held-out passages, or no judge",
    )


def scores_table(study: Path, models: Mapping[str, str]) -> Table | None:
    """How labels score over all features beside what chance gives; None where no model has scores.

    Args:
        study: The study's directory.
        models: Model's directory → its name.
    """
    read = {slug: _scores(study / "labels" / slug) for slug in models}
    twins = {slug: _scores(study / "labels" / f"{slug}.random") for slug in models}
    if not any(read.values()):
        return None
    lines = []
    for name, words in (("rule", "by their words"), ("embedding", "by their meaning")):
        rows = (
            (f"labels {words}", "median AUC over features", "scores", read, "auc", False),
            (f"other features’ labels {words}", "on the same passages", "scores", read, "shuffled", True),
            (f"labels of random directions {words}", "of the same dictionary", "random", read, "auc", True),
            (f"labels of the random twin {words}", "a model that never read anything", "scores", twins, "auc", True),
        )
        for said, meaning, where, source, key, control in rows:
            path = ("random_directions", "scores") if where == "random" else ("scores",)
            cells = tuple(cell(at(source[slug], *path, name, key)) for slug in models)
            lines.append(Line(said, meaning, cells, control))
    fair = {slug: _fair(at(read[slug], "badges")) for slug in models}
    rows_of_badges = (
        ("labels with a badge of fair or strong", "", fair, False),
        ("other features’ labels", "", {slug: _fair(at(read[slug], "badges_of_shuffled")) for slug in models}, True),
        ("labels of the random twin", "", {slug: _fair(at(twins[slug], "badges")) for slug in models}, True),
    )
    shares = [
        Line(words, meaning, tuple(cell(values[slug], share=True) for slug in models), control)
        for words, meaning, values, control in rows_of_badges
    ]
    known = [percent(value) for value in fair.values() if value is not None]
    return Table(
        "labels",
        f"{listed(known)} of the labels hold on passages that they were not made from" if known else "Labels",
        tuple(Column(name, n) for n, name in enumerate(models.values())),
        kept([*shares, *lines]),
        "A label is tried on held-out passages: does it tell those on which its feature fires, strongly or weakly, "
        "from others, among them such that are near in meaning or hold its words? .50 is guessing. Its badge goes by "
        "the lower end of its lead over other features’ labels. It could mislead: a few dozen passages cannot prove a "
        "small lead, and a feature need not have a name of three words.",
    )


def _scores(directory: Path) -> Mapping[str, Any] | None:
    path = directory / "scores.json"
    return read_json(path) if path.exists() and artifacts.read_manifest(directory) is not None else None


def _fair(badges: Any) -> float | None:
    strong, fair = at(badges, "strong"), at(badges, "fair")
    return None if strong is None or fair is None else float(strong) + float(fair)
