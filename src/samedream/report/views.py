"""What the templates are given: plain, finished values, nothing left to look up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from samedream.report.figures import Gauge, Histogram, Scale, Segment
from samedream.report.fineness import Fineness
from samedream.report.health import HealthRow
from samedream.report.method import Stage
from samedream.report.pairs import Pair
from samedream.report.reading import Feature, PassageText
from samedream.report.relations import Relation
from samedream.report.tables import Table

if TYPE_CHECKING:
    from samedream.report.inwords import InWords


@dataclass(frozen=True)
class ModelName:
    """A model: what it is called, its directory, and its place (and hue) on the page, from 0."""

    name: str
    slug: str
    number: int


@dataclass(frozen=True)
class Cell:
    """A passage as one model reads it: its words marked. `share` of the feature's maximum; None where it is silent."""

    html: Markup
    share: float | None
    value: str
    maximum: str
    whole: bool


@dataclass(frozen=True)
class Row:
    """One passage in both columns, and who picked it."""

    passage: PassageText
    side: str
    stratum: str
    left: Cell
    right: Cell


@dataclass(frozen=True)
class Card:
    """A pair of features with its passages. `excerpt` is one line of the clearest passage with both models' marks."""

    anchor: str
    left: Feature | None
    right: Feature | None
    pair: Pair
    gauge: Gauge
    rows: Sequence[Row]
    excerpt: Markup
    excerpt_from: PassageText | None
    relations: Sequence[Relation] = ()


@dataclass(frozen=True)
class Side:
    """One model's part of a comparison: its bar, its histograms, its features without a partner."""

    model: ModelName
    other: ModelName
    features: int
    bar: Sequence[Segment]
    bar_title: str
    strengths: Sequence[Histogram]
    strength_title: str
    lonely: Sequence[Card]
    lonely_total: int
    stable_known: bool


@dataclass(frozen=True)
class Comparison:
    """Two models compared: everything one section shows. `luck`: the share of lucky matches the test allows."""

    key: str
    directory: str
    a: Side
    b: Side
    headline: str
    verdict: str
    passages: int
    blocks: int
    scale: Scale
    scale_title: str
    gaps: Sequence[str]
    first: Sequence[Card]
    first_limit: float | None
    best: Sequence[Card]
    random: Sequence[Card]
    matched: int
    matched_median: float | None
    mutual: int
    fineness: Fineness | None
    measured: Sequence[Table]
    method: Sequence[tuple[str, str]]
    notes: Sequence[str]
    luck: float | None
    words: "InWords | None" = None

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both models' parts, a first."""
        return self.a, self.b


@dataclass(frozen=True)
class Together:
    """What three models or more share: a sentence, the picture as a data URL, tables, and what to keep in mind."""

    lead: str
    picture: str
    tables: Sequence[Table]
    notes: Sequence[str]


@dataclass(frozen=True)
class Page:
    """The whole page. `sweeps`: model → the picture of its sweep, as a data URL."""

    question: str
    models: Sequence[ModelName]
    comparisons: Sequence[Comparison]
    health: Sequence[HealthRow]
    healthy: tuple[int, int]
    sweeps: Mapping[str, str]
    stages: Sequence[Stage]
    files: Sequence[tuple[str, str]]
    version: str
    settings: Mapping[str, Any]
    together: Together | None = None
    labels: Table | None = None
