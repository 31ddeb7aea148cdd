"""Three models and more: what the study found of all of them at once, as tables beside its picture."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samedream import artifacts
from samedream.report.finding import Found
from samedream.report.reading import read_json
from samedream.report.tables import Cell, Column, Line, Table, at, cell
from samedream.report.views import Together
from samedream.report.words import count, percent

SUMMARY = "summary.json"
PICTURE = "models.svg"
_PARTS = (("all", "in all others"), ("some", "in some"), ("only_here", "in none"))


def directory_of(study: Path, found: Sequence[Found]) -> Path | None:
    """`comparison/all`, if it is finished and was made from these very comparisons."""
    directory = study / "comparison" / "all"
    manifest = artifacts.read_manifest(directory)
    made_from = {artifacts.require_manifest(one.directory).fingerprint() for one in found}
    return directory if manifest is not None and set(manifest.inputs.values()) == made_from else None


def together(study: Path, found: Sequence[Found]) -> Together | None:
    """What the study says of all its models at once; None for two models.

    Raises:
        CorruptArtifactError: A file cannot be read.
    """
    directory = directory_of(study, found)
    if directory is None:
        return None
    summary = read_json(directory / SUMMARY)
    picture = artifacts.verify(directory, PICTURE).read_bytes()
    models = [str(name) for name in summary["models"]]
    concepts = summary["concepts"]
    return Together(
        f"{count(concepts['in_all'])} concepts are in all {len(models)} models, {count(concepts['count'])} in two or "
        "more: features that are each other’s best partners, every one of every other.",
        "data:image/svg+xml;base64," + b64encode(picture).decode(),
        [matrix(summary, models), _where(summary["found"], models)],
        [str(note) for note in summary["notes"]],
    )


def matrix(summary: Mapping[str, Any], models: Sequence[str]) -> Table:
    """How far each model is found in each other, from its random twin (0) to its own repeat (1)."""
    found = summary["normalised"]
    lines = []
    for row in models:
        cells = [
            Cell("1", note="its own repeat") if row == column else cell(at(found, row, column)) for column in models
        ]
        lines.append(Line(f"features of {row}", "", tuple(cells)))
    return Table(
        "matrix",
        "Each model’s features in each other, from a random twin (0) to the model’s own repeat (1)",
        tuple(Column(f"in {name}", number) for number, name in enumerate(models)),
        tuple(lines),
        "Normalised universality with its 95 % interval over articles.",
    )


def _where(found: Mapping[str, Any], models: Sequence[str]) -> Table:
    lines = []
    for name in models:
        cells = []
        for key, _ in _PARTS:
            share = at(found, name, "stable", "share", key)
            bounds = at(found, name, "bounds", key)
            note = "" if bounds is None else f"possible: {percent(bounds[0])} to {percent(bounds[1])}"
            cells.append(cell(share, share=True, note=note))
        number = at(found, name, "stable", "count")
        lines.append(Line(name, "" if number is None else f"{count(number)} stable features", tuple(cells)))
    return Table(
        "where",
        "Of each model’s stable features: found in all others, some, none",
        tuple(Column(words) for _, words in _PARTS),
        tuple(lines),
        "The test misses some matches, once for each other model, so “in all others” is rather too low and “in none” "
        "too high. Possible: what the pairs’ shared fractions, which correct for that, leave open.",
    )
