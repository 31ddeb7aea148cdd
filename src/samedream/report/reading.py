"""Read what the other stages left, only as much as the page shows."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from samedream.errors import CorruptArtifactError, MissingArtifactError
from samedream.features.store import EXEMPLARS, FEATURES, PEAKS, load_activity, load_peaks
from samedream.report.trust import COLUMNS, Trust, trust


class Span(NamedTuple):
    """Characters `start` to `end` of a passage, and the activation there."""

    start: int
    end: int
    value: float


@dataclass(frozen=True)
class Exemplar:
    """A passage kept for a feature, with every span the feature fires on."""

    passage_id: str
    stratum: str
    value: float
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Feature:
    """One feature of one model: how often it fires, what it is called, and the passages kept for it."""

    number: int
    passages: int
    articles: int
    firing_rate: float
    maximum: float
    label: str
    keywords: tuple[str, ...]
    topics: tuple[tuple[str, float], ...]
    exemplars: tuple[Exemplar, ...]
    trust: Trust | None = None


@dataclass(frozen=True)
class Reading:
    """What one feature does on one passage; `whole` when every firing token is known, not the strongest alone."""

    value: float
    spans: tuple[Span, ...]
    whole: bool


@dataclass(frozen=True)
class PassageText:
    """What the page shows of a passage."""

    passage_id: str
    article: str
    section: str
    language: str
    topic: str
    text: str


def finite(value: Any) -> float | None:
    """A number, or None for null, NaN and infinity."""
    return float(value) if value is not None and np.isfinite(value) else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        MissingArtifactError: There is no such file.
        CorruptArtifactError: It is not a JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingArtifactError(f"{path} is missing; rerun the stage that writes it") from error
    except ValueError as error:
        raise CorruptArtifactError(f"{path} is not JSON ({error}); delete {path.parent} and rerun") from error
    if not isinstance(found, dict):
        raise CorruptArtifactError(
            f"{path} holds a {type(found).__name__}, expected an object; delete {path.parent} and rerun"
        )
    return found


def read_table(path: Path, columns: Iterable[str], only: tuple[str, Iterable[Any]] | None = None) -> pa.Table:
    """Columns of a Parquet file, and of its rows those whose `only[0]` is among `only[1]`.

    Raises:
        MissingArtifactError: There is no such file.
        CorruptArtifactError: It cannot be read, or a column is missing; the message names it.
    """
    wanted = list(columns)
    try:
        chosen = None if only is None else pc.field(only[0]).isin(list(only[1]))
        if only is not None and not list(only[1]):
            return pq.read_schema(path).empty_table().select(wanted)
        return pq.read_table(path, columns=wanted, filters=chosen)
    except FileNotFoundError as error:
        raise MissingArtifactError(f"{path} is missing; rerun the stage that writes it") from error
    except (pa.ArrowException, KeyError, OSError) as error:
        first = str(error).splitlines()[0]
        raise CorruptArtifactError(
            f"{path} cannot be read ({first}); expected the columns {', '.join(wanted)}. Delete {path.parent} and rerun"
        ) from error


def columns_of(path: Path, wanted: Iterable[str]) -> list[str]:
    """Those of the columns that a table has; none where it cannot be read, which reading it will say."""
    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []
    return [name for name in wanted if name in names]


class Model:
    """One model's features, as far as the page needs them, and what each does on any passage."""

    def __init__(self, directory: Path, features: Mapping[int, Feature]) -> None:
        """Open a features directory.

        Args:
            directory: features/<model>, with activity.npz and peaks.npz.
            features: The features the page shows.

        Raises:
            MissingArtifactError: The stage is not finished.
            CorruptArtifactError: A checksum does not fit, or activity and peaks do not fit each other.
        """
        self.features = features
        self._activity = load_activity(directory)
        self._starts, self._ends = load_peaks(directory)
        if len(self._starts) != self._activity.nnz or len(self._ends) != self._activity.nnz:
            raise CorruptArtifactError(
                f"{directory / PEAKS} holds {len(self._starts)} spans, expected one for "
                f"each of the {self._activity.nnz} entries of activity.npz; delete {directory} "
                f"and rerun"
            )

    @property
    def passages(self) -> int:
        """How many passages the model read."""
        return int(self._activity.shape[0])

    def reading(self, feature: Feature, passage_id: str, row: int) -> Reading | None:
        """What a feature does on a passage (its row in corpus order), or None when it is silent there."""
        for exemplar in feature.exemplars:
            if exemplar.passage_id == passage_id and exemplar.spans:
                return Reading(max(span.value for span in exemplar.spans), exemplar.spans, whole=True)
        low, high = int(self._activity.indptr[row]), int(self._activity.indptr[row + 1])
        at = low + int(np.searchsorted(self._activity.indices[low:high], feature.number))
        if at >= high or self._activity.indices[at] != feature.number:
            return None
        value = float(self._activity.data[at])
        return Reading(value, (Span(int(self._starts[at]), int(self._ends[at]), value),), whole=False)


def _exemplars(path: Path, wanted: Iterable[int]) -> dict[int, list[Exemplar]]:
    columns = ("feature", "rank", "passage_id", "value", "stratum", "span_starts", "span_ends", "span_values")
    found: dict[int, list[Exemplar]] = {}
    rows = read_table(path, columns, ("feature", wanted)).to_pylist()
    for row in sorted(rows, key=lambda row: (row["feature"], row["rank"])):
        pieces = zip(row["span_starts"] or (), row["span_ends"] or (), row["span_values"] or (), strict=False)
        spans = tuple(Span(*piece) for piece in pieces)
        exemplar = Exemplar(row["passage_id"], row["stratum"], float(row["value"] or 0), spans)
        found.setdefault(row["feature"], []).append(exemplar)
    return found


def _labels(path: Path, wanted: Iterable[int]) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    columns = ("feature", "label", "keywords", "topics", "topic_shares", *columns_of(path, COLUMNS))
    return {row["feature"]: row for row in read_table(path, columns, ("feature", wanted)).to_pylist()}


def read_model(study: Path, slug: str, wanted: Iterable[int]) -> Model:
    """Read the wanted features of one model: figures, label, exemplars, and the activity of all.

    Raises:
        MissingArtifactError: A file of features/<model> is not there. Labels may be missing.
        CorruptArtifactError: A file cannot be read.
    """
    directory = study / "features" / slug
    numbers = sorted(set(wanted))
    exemplars = _exemplars(directory / EXEMPLARS, numbers)
    labels = _labels(study / "labels" / slug / "labels.parquet", numbers)
    columns = ("feature", "passages", "articles", "firing_rate", "max")
    features = {}
    for row in read_table(directory / FEATURES, columns, ("feature", numbers)).to_pylist():
        number = int(row["feature"])
        label = labels.get(number, {})
        topics = zip(label.get("topics") or (), label.get("topic_shares") or (), strict=False)
        features[number] = Feature(
            number,
            int(row["passages"]),
            int(row["articles"]),
            float(row["firing_rate"]),
            float(row["max"]),
            (label.get("label") or "").strip(),
            tuple(label.get("keywords") or ()),
            tuple((str(name), float(share)) for name, share in topics if name),
            tuple(exemplars.get(number, ())),
            trust(label),
        )
    return Model(directory, features)


@dataclass(frozen=True)
class Corpus:
    """The passages the page shows: their text, their row in corpus order, and how many passages there are in all."""

    total: int
    rows: Mapping[str, int]
    texts: Mapping[str, PassageText]


def read_corpus(directory: Path, wanted: Iterable[str]) -> Corpus:
    """Read the wanted passages.

    Raises:
        CorruptArtifactError: A wanted passage is not in the corpus.
    """
    path = directory / "passages.parquet"
    ids = sorted(set(wanted))
    every: pa.ChunkedArray = read_table(path, ["passage_id"])["passage_id"]
    places: npt.NDArray[np.int64] = np.flatnonzero(pc.is_in(every, value_set=pa.array(ids, pa.string())).to_numpy())
    rows = {every[int(row)].as_py(): int(row) for row in places}
    missing = sorted(set(ids) - set(rows))
    if missing:
        raise CorruptArtifactError(
            f"{path} does not hold the passage {missing[0]!r}, an exemplar of a feature ({len(missing)} such); the "
            f"features were made from another corpus: delete the study's features directory and rerun"
        )
    columns = ("passage_id", "article", "section", "language", "topic", "text")
    texts = {}
    for row in read_table(path, columns, ("passage_id", ids)).to_pylist():
        parts = {name: str(row[name] or "") for name in columns}
        texts[parts["passage_id"]] = PassageText(**parts)
    return Corpus(len(every), rows, texts)
