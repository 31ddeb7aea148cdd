"""A study: its file, its directory, and the order of its stages, written once.

A study compares two or more models on one corpus. Every model has a dictionary; for the ceiling a second one trained
with another seed (the "repeat"), for the floor a random-init twin of the model with a dictionary of its own; to tell
which cuts finer, if asked for, further ones of other widths (`readers`).
"""

import json
import tomllib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from samedream import artifacts
from samedream.activations.config import HarvestConfig
from samedream.comparison.config import ComparisonConfig
from samedream.corpus.config import CorpusConfig
from samedream.errors import StudyFileError
from samedream.features.config import FeaturesConfig
from samedream.labels.config import LabelsConfig, check_neutral
from samedream.readers import (
    EMBEDDING,
    RANDOM,
    REPEAT,
    at_width,
    check_models,
    frozen_of,
    is_frozen,
    repeat_of,
    slug,
    states_of,
    twin_of,
    width_of,
)
from samedream.records import Config
from samedream.report.config import ReportConfig
from samedream.sae.config import SAEConfig
from samedream.study_file import override, problems


class ModelConfig(Config):
    """One model of a study."""

    source: str = Field(description="hub id, directory, path.gguf, wheel:NAME or random:SOURCE")
    name: str = Field("", description="what to call it; derived from the source when not given")
    sae: tuple[str, ...] = Field(
        (),
        description="a dictionary to use instead of training one: the path of one by SAELens, dictionary_learning, "
        "sparsify or Gemma Scope, or of one trained here; two paths: the second is the repeat, for the ceiling",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value

    @field_validator("sae", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("sae")
    @classmethod
    def _at_most_two(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if len(paths) > 2 or not all(paths):
            raise ValueError("expected the path of a dictionary, or two: the dictionary and its repeat")
        return paths

    @property
    def display_name(self) -> str:
        """The given name, or the last part of the source."""
        return self.name or Path(self.source.split(":", 1)[-1].rstrip("/")).name.removesuffix(".gguf")

    @property
    def slug(self) -> str:
        """The model's directory name."""
        return slug(self.display_name)


class StudyConfig(Config):
    """Everything that defines a study; the study file's keys."""

    name: str = Field("study", description="the study's name")
    models: tuple[ModelConfig, ...] = Field(description="two or more models")
    floor: bool = Field(True, description="also read with random-init twins, for the floor")
    frozen: bool = Field(False, description="also train dictionaries of random directions: another kind of floor")
    ceiling: bool = Field(True, description="also train each dictionary with another seed, for the ceiling")
    ceiling_articles: Literal["same", "other"] = Field(
        "same",
        description="articles the repeat is trained on: the same ones, or the half that its model's dictionary is not "
        "trained on; then every other model's dictionary has the other half too",
    )
    widths: tuple[int, ...] = Field(
        (),
        description="further widths of dictionaries, same k: each model gets one, and its repeat, to tell which of the "
        "models cuts finer",
    )
    corpus: CorpusConfig = CorpusConfig()
    activations: HarvestConfig = HarvestConfig()
    sae: SAEConfig = SAEConfig()
    features: FeaturesConfig = FeaturesConfig()
    labels: LabelsConfig = LabelsConfig()
    comparison: ComparisonConfig = ComparisonConfig()
    report: ReportConfig = ReportConfig()

    @field_validator("models")
    @classmethod
    def _distinct(cls, models: tuple[ModelConfig, ...]) -> tuple[ModelConfig, ...]:
        if len(models) < 2:
            raise ValueError(f"a study compares at least two models, {len(models)} given")
        check_models([model.slug for model in models])
        return models

    @field_validator("widths")
    @classmethod
    def _widths_fit(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if min(widths, default=1) < 1 or len(set(widths)) < len(widths):
            raise ValueError("expected different widths of at least 1")
        return tuple(sorted(widths))

    @model_validator(mode="after")
    def _neutral_embedder(self) -> "StudyConfig":
        check_neutral(self.labels.embedder, [model.source for model in self.models])
        return self


class Study:
    """A study's settings and the names of its directories."""

    def __init__(self, config: StudyConfig, directory: Path) -> None:
        """Bind settings to a directory; nothing is written."""
        self.config, self.directory = config, directory

    @property
    def corpus(self) -> Path:
        """Where the passages are."""
        return self.directory / "corpus"

    def activations(self, reader: str) -> Path:
        """Where a model's (or its random twin's) hidden states are; its repeat and other widths read the same ones."""
        return self.directory / "activations" / states_of(reader)

    def sae(self, reader: str) -> Path:
        """Where a reader's dictionary is."""
        base = reader.removesuffix(f".{REPEAT}")
        return self.directory / "sae" / base / f"seed-{self.sae_config(reader).seed}"

    def features(self, reader: str) -> Path:
        """Where a reader's exemplars and activity are."""
        return self.directory / "features" / reader

    def labels(self, model: str) -> Path:
        """Where a model's labels are."""
        return self.directory / "labels" / model

    @property
    def embedding(self) -> Path:
        """Where the passages are as a neutral embedder sees them."""
        return self.directory / "labels" / EMBEDDING

    def comparison(self, left: str, right: str) -> Path:
        """Where the comparison of two models is."""
        return self.directory / "comparison" / f"{left}--{right}"

    @property
    def together(self) -> Path:
        """Where all models are put together; a pair's directory has a double hyphen in it, so none is called this."""
        return self.directory / "comparison" / "all"

    def models(self) -> list[str]:
        """The models' slugs, in the study's order."""
        return [model.slug for model in self.config.models]

    def sources(self) -> dict[str, str]:
        """Slug → model source, random twins included: what has to be harvested."""
        sources = {model.slug: model.source for model in self.config.models}
        if self.config.floor:
            sources |= {twin_of(model.slug): f"random:{model.source}" for model in self.config.models}
        return sources

    def readers(self) -> list[str]:
        """Everything with a dictionary: models, repeats, twins, other widths and their repeats, frozen ones."""
        readers = self.models()
        if self.config.ceiling:
            readers += [repeat_of(model.slug) for model in self.config.models if len(model.sae) != 1]
        if self.config.floor:
            readers += [twin_of(model) for model in self.models()]
        for width in self.config.widths:
            if width == self.config.sae.width:
                continue  # the study's own
            for model in self.models():
                readers += [at_width(model, width), repeat_of(at_width(model, width))]
        if self.config.frozen:
            readers += [frozen_of(model) for model in self.models()]
        return readers

    def dictionary(self, reader: str) -> Path | None:
        """The dictionary that is given for a reader; None where one is trained. Relative to where samedream is run."""
        given = {model.slug: model.sae for model in self.config.models}
        if width_of(reader) is not None:
            return None
        repeat = reader.endswith(f".{REPEAT}")
        paths = given.get(reader.removesuffix(f".{REPEAT}"), ())
        return Path(paths[int(repeat)]).expanduser() if paths else None

    def sae_config(self, reader: str) -> SAEConfig:
        """The reader's training settings.

        Every reader has a seed of its own: dictionaries that start from the same random numbers would look alike for
        that reason alone (McCann 2026, arXiv:2605.24577). All readers are trained on the same articles, unless
        `ceiling_articles` asks for two halves. Then a model's repeat has the half that the model has not, and so has
        the next model: two dictionaries that are compared share no article, whether of two models or of one. (With
        three models some pairs must share theirs.)
        """
        changed: dict[str, Any] = {"seed": self.config.sae.seed + self.readers().index(reader)}
        if self.config.ceiling and self.config.ceiling_articles == "other":
            place = self.models().index(states_of(reader).removesuffix(f".{RANDOM}"))
            changed["articles"] = ("first half", "second half")[(place + reader.endswith(f".{REPEAT}")) % 2]
        if (width := width_of(reader)) is not None:
            changed["width"] = width
        if is_frozen(reader):
            changed |= {"variant": "frozen", "l1_strength": None, "nested": None}
        return self.config.sae.model_copy(update=changed)

    def widths(self, left: str, right: str) -> dict[int, dict[str, tuple[Path, Path]]]:
        """Width → side ("left", "left_repeat", ...) → features and dictionary of two models' further dictionaries."""
        found = {}
        for width in [width for width in self.config.widths if width != self.config.sae.width]:
            sides = {"left": at_width(left, width), "right": at_width(right, width)}
            sides |= {f"{side}_repeat": repeat_of(reader) for side, reader in sides.items()}
            found[width] = {side: (self.features(reader), self.sae(reader)) for side, reader in sides.items()}
        return found

    def pairs(self) -> list[tuple[str, str]]:
        """Every pair of models."""
        return list(combinations(self.models(), 2))

    def save(self, given: str | None = None) -> None:
        """Write study.json (resolved) and, when there is one, study.toml as given."""
        if given is not None:
            artifacts.write_bytes(self.directory / "study.toml", given.encode())
        artifacts.write_json(self.directory / "study.json", self.config.model_dump(mode="json"))


def parse_study(values: Mapping[str, Any], where: str) -> StudyConfig:
    """Check a study's settings.

    Args:
        values: The study file's content.
        where: The file's name, for messages.

    Raises:
        StudyFileError: An unknown or mistyped key (named, with the nearest valid one) or an unfit value.
    """
    try:
        return StudyConfig.model_validate(values)
    except ValidationError as error:
        raise StudyFileError(f"{where}: {problems(StudyConfig, error)}") from error


def read_study_file(path: Path, assignments: list[str]) -> tuple[StudyConfig, str]:
    """Read a study file.

    Returns:
        The settings, and the file's text as given.

    Raises:
        StudyFileError: No such file, not TOML, or keys that do not fit.
    """
    if not path.is_file():
        raise StudyFileError(
            f"no study file {path}; see the directory studies/ for examples, or give "
            f"--models A --models B --corpus SOURCE"
        )
    text = path.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(f"{path} is not TOML: {error}") from error
    values.setdefault("name", path.stem)
    return parse_study(override(values, assignments), str(path)), text


def open_study(directory: Path) -> Study:
    """Open a study that has been begun.

    Raises:
        StudyFileError: The directory holds no study.json.
    """
    path = directory / "study.json"
    if not path.is_file():
        raise StudyFileError(
            f"{directory} is not a study: it has no study.json; begin one with "
            f'"samedream run STUDY.toml --out {directory}"'
        )
    return Study(parse_study(json.loads(path.read_text(encoding="utf-8")), str(path)), directory)
