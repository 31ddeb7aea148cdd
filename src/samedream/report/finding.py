"""Find what a study has finished: its comparisons, its models, the directories and files the page rests on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samedream import artifacts
from samedream.errors import MissingArtifactError
from samedream.report.pairs import COLUMNS, OPTIONAL, Match, Pair, match, matched_pairs
from samedream.report.reading import columns_of, read_json, read_table
from samedream.report.views import ModelName


@dataclass(frozen=True)
class Found:
    """A finished comparison: its directory, the two models' directories, its summary and its matches."""

    directory: Path
    slugs: tuple[str, str]
    summary: Mapping[str, Any]
    matches: Sequence[Match]
    matched: Sequence[Pair]

    @property
    def names(self) -> tuple[str, str]:
        """What the two models are called."""
        a, b = self.summary.get("models") or self.slugs
        return str(a), str(b)


def _slugs(study: Path, directory: Path) -> tuple[str, str]:
    parts = directory.name.split("--")
    for cut in range(1, len(parts)):
        a, b = "--".join(parts[:cut]), "--".join(parts[cut:])
        if (study / "features" / a).is_dir() and (study / "features" / b).is_dir():
            return a, b
    raise MissingArtifactError(
        f'{study / "features"} does not hold the two models of {directory.name}; run "samedream features {study}" first'
    )


def find_comparisons(study: Path) -> list[Found]:
    """Every finished comparison of a study, in the order of its models.

    Raises:
        MissingArtifactError: There is none.
        CorruptArtifactError: A summary or table cannot be read.
    """
    found = []
    for directory in sorted((study / "comparison").glob("*--*")):
        if artifacts.read_manifest(directory) is not None:
            summary = read_json(directory / "summary.json")
            path = directory / "matches.parquet"
            table = read_table(path, [*COLUMNS, *columns_of(path, OPTIONAL)])
            matches = [match(row) for row in table.to_pylist()]
            found.append(Found(directory, _slugs(study, directory), summary, matches, matched_pairs(matches)))
    if not found:
        raise MissingArtifactError(
            f'{study / "comparison"} holds no finished comparison; run "samedream comparison {study}" first'
        )
    # a study lists every pair of its models in their order, so a model is second as often as others stand before it
    second = Counter(comparison.slugs[1] for comparison in found)
    return sorted(found, key=lambda comparison: [(second[slug], slug) for slug in comparison.slugs])


def model_names(comparisons: Sequence[Found]) -> dict[str, ModelName]:
    """Slug → model, numbered in the order in which the comparisons name them."""
    names: dict[str, ModelName] = {}
    for found in comparisons:
        for slug, name in zip(found.slugs, found.names, strict=True):
            names.setdefault(slug, ModelName(name, slug, len(names)))
    return names


def inputs(study: Path, comparisons: Sequence[Found]) -> dict[str, str]:
    """Name of every stage directory the page rests on → fingerprint.

    Hidden states are not among them: they may be deleted once they are used, and a page made before is still good.

    Raises:
        MissingArtifactError: One of them is not finished.
    """
    required = [study / "corpus", *(found.directory for found in comparisons)]
    optional = [study / "comparison" / "all", *(found.directory / "labelled" for found in comparisons)]
    for slug in model_names(comparisons):
        required.append(study / "features" / slug)
        optional += [study / "labels" / slug, study / "labels" / f"{slug}.random", *dictionary(study, slug)]
    prints = {str(d.relative_to(study)): artifacts.require_manifest(d).fingerprint() for d in required}
    for directory in optional:
        if (manifest := artifacts.read_manifest(directory)) is not None:
            prints[str(directory.relative_to(study))] = manifest.fingerprint()
    return prints


def dictionary(study: Path, slug: str) -> list[Path]:
    """The dictionary the features were made with: the one whose fingerprint they name, else the lowest seed."""
    manifests = {d: artifacts.read_manifest(d) for d in sorted((study / "sae" / slug).glob("seed-*"), key=_seed)}
    features = artifacts.read_manifest(study / "features" / slug)
    named = set(features.inputs.values()) if features else set()
    finished = [(directory, manifest) for directory, manifest in manifests.items() if manifest is not None]
    exact = [directory for directory, manifest in finished if manifest.fingerprint() in named]
    return (exact or [directory for directory, _ in finished])[:1]


def _seed(directory: Path) -> tuple[int, str]:
    digits = directory.name.removeprefix("seed-")
    return (int(digits) if digits.isdigit() else 0, directory.name)


def directories(study: Path, names: Mapping[str, ModelName], found: Sequence[Found]) -> dict[str, dict[str, Path]]:
    """Stage → name of a column → directory, as the tables of settings stand."""

    def each(stage: str) -> dict[str, Path]:
        return {model.name: study / stage / slug for slug, model in names.items()}

    return {
        "corpus": {"passages": study / "corpus"},
        "activations": each("activations"),
        "sae": {model.name: d for slug, model in names.items() for d in dictionary(study, slug)},
        "features": each("features"),
        "labels": each("labels"),
        "comparison": {" and ".join(comparison.names): comparison.directory for comparison in found},
    }


def files(study: Path, names: Mapping[str, ModelName], found: Sequence[Found]) -> list[tuple[str, str]]:
    """Files of the study worth opening, below its directory, and what each holds."""
    listed = [
        ("study.json", "every setting of the study"),
        ("answer.json", "the answer, for programs"),
        ("corpus/passages.parquet", "the passages that every model read"),
    ]
    for comparison in found:
        folder = f"comparison/{comparison.directory.name}"
        both = " and ".join(comparison.names)
        listed.append((f"{folder}/matches.parquet", f"every feature of {both}, with its partner, figures and class"))
        listed.append((f"{folder}/summary.json", f"the figures of {both} with their intervals"))
        listed.append((f"{folder}/labelled/written.md", f"{both} compared in words"))
        listed.append((f"{folder}/labelled/transfer.parquet", f"labels of {both} tried on each other’s features"))
    listed.append(("comparison/all/summary.json", "what all models share: matrix, tree, where features are found"))
    listed.append(("comparison/all/concepts.parquet", "concepts of two models and more, a row for each feature"))
    for slug, model in names.items():
        listed.append((f"features/{slug}/features.parquet", f"every feature of {model.name}: how often it fires"))
        listed.append((f"features/{slug}/exemplars.parquet", f"the passages that excite {model.name}’s features"))
        listed.append((f"labels/{slug}/labels.parquet", f"the labels of {model.name}’s features"))
        listed.append(
            (f"sae/{slug}/sweep/frontier.json", f"every dictionary of {model.name}’s sweep, with its figures")
        )
    return [(path, what) for path, what in listed if path == "answer.json" or (study / path).exists()]
