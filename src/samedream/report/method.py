"""How it was done: the settings and counts of every stage's manifest as small tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from samedream import artifacts

TITLES = {
    "corpus": "The passages",
    "activations": "Reading them with each model",
    "sae": "Training the dictionaries",
    "features": "Finding what excites each feature",
    "labels": "Naming the features",
    "comparison": "Comparing",
}


@dataclass(frozen=True)
class Line:
    """A setting or count: its name, and its value in each of the stage's directories, or one value where all agree."""

    name: str
    values: tuple[str, ...]
    same: bool


@dataclass(frozen=True)
class Stage:
    """A stage's settings and counts, a column for each of its directories."""

    name: str
    title: str
    columns: tuple[str, ...]
    settings: tuple[Line, ...]
    counts: tuple[Line, ...]


def without_folder(text: str) -> str:
    """A path without the folders of the machine it is on: "random:/home/x/model" becomes "random:model"."""
    prefix, path = "", text
    if match := re.match(r"([a-z]{2,}:)(.+)", text):
        prefix, path = match[1], match[2]
    if path.startswith(("/", "~")):
        return prefix + PurePosixPath(path).name
    if re.match(r"[A-Za-z]:[\\/]", path):
        return prefix + PureWindowsPath(path).name
    return text


def written(value: Any) -> str:
    """A setting as the page writes it."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {written(part)}" for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(written(part) for part in value)
    return without_folder(str(value))


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (name in words, value) in the order of their keys."""
    lines: list[tuple[str, str]] = []
    for key in sorted(values):
        name = f"{prefix}{str(key).replace('_', ' ')}"
        value = values[key]
        if isinstance(value, Mapping) and value:
            lines += flat(value, f"{name}: ")
        else:
            lines.append((name, written(value)))
    return lines


def _lines(tables: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    columns = [dict(flat(table)) for table in tables]
    names = sorted({name for column in columns for name in column})
    lines = []
    for name in names:
        values = tuple(column.get(name, "–") for column in columns)
        lines.append(Line(name, values, len(set(values)) == 1))
    return tuple(lines)


def stages(found: Mapping[str, Mapping[str, Path]]) -> list[Stage]:
    """Tables of every stage whose manifest is there.

    Args:
        found: Stage → name of a column → the directory. Directories without a manifest (hidden states that were
            deleted once they were used) are left out.
    """
    tables = []
    for stage, directories in found.items():
        manifests = {
            name: manifest
            for name, directory in directories.items()
            if (manifest := artifacts.read_manifest(directory)) is not None
        }
        if manifests:
            tables.append(
                Stage(
                    stage,
                    TITLES.get(stage, stage),
                    tuple(manifests),
                    _lines([manifest.config for manifest in manifests.values()]),
                    _lines([manifest.counts for manifest in manifests.values()]),
                )
            )
    return tables
