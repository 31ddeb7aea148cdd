"""Dictionaries of a sweep as points, and which of them lie on the frontier of variance explained against L0."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from samedream.errors import CorruptArtifactError
from samedream.sae.advice import Metric
from samedream.sae.config import SAEConfig
from samedream.sae.store import HEALTH, load_health

_FIGURES = ("l0", "variance_explained", "dead_share", "gini", "density", "decoder_cosine_max")


class Point(msgspec.Struct, frozen=True):
    """One dictionary of a sweep. Figures are those of its health, on held-out rows.

    Attributes:
        variant: The kind of dictionary.
        k: Features active per row that were asked for; plays no part in variant l1.
        l1_strength: Weight of the L1 penalty; 0 for variants without one.
        l0: Features active per row, on average.
        variance_explained: Share of the variance that is given back.
        dead_share: Share of the features that never fire.
        gini: How unevenly features are used.
        density: L0 over the number of features.
        decoder_cosine_max: Largest cosine between two features.
        frontier: Whether no other dictionary has both an L0 that is lower or equal and more variance explained.
    """

    variant: str
    k: int
    l1_strength: float
    l0: float
    variance_explained: float
    dead_share: float
    gini: float
    density: float
    decoder_cosine_max: float
    frontier: bool = False

    def row(self) -> dict[str, str]:
        """A line of a table."""
        return {
            "variant": self.variant,
            "k": str(self.k),
            "l1_strength": f"{self.l1_strength:g}",
            "L0": f"{self.l0:.1f}",
            "variance explained": f"{self.variance_explained:.4f}",
            "dead": f"{100 * self.dead_share:.1f} %",
            "Gini": f"{self.gini:.2f}",
            "density": f"{self.density:.4f}",
            "decoder cosine, max": f"{self.decoder_cosine_max:.2f}",
            "frontier": "yes" if self.frontier else "",
        }

    @property
    def name(self) -> str:
        """The knobs in words that can be a directory's name: "batchtopk-k32", "l1_topk-k32-l1_0.001", "l1-l1_0.007"."""
        penalty = [f"l1_{self.l1_strength!r}"] if self.variant in ("l1", "l1_topk") else []
        return "-".join([self.variant, *([] if self.variant == "l1" else [f"k{self.k}"]), *penalty])


def point_of(config: SAEConfig, metrics: Iterable[Metric] = ()) -> Point:
    """The point of a dictionary; without its health all figures are 0: only the name is of use then.

    Args:
        config: Its settings.
        metrics: Its health.
    """
    return _point(config.variant, config.k, config.penalty(), figures={metric.key: metric.value for metric in metrics})


def read_point(directory: Path) -> Point:
    """The point of a dictionary on disk.

    Raises:
        MissingArtifactError: It has no health.json.
        CorruptArtifactError: health.json cannot be read, or lacks a figure.
    """
    health = load_health(directory)
    values = {metric.key: metric.value for metric in health.metrics}
    try:
        knobs = msgspec.json.decode(msgspec.json.encode(health.training), type=_Knobs)
        if missing := [key for key in _FIGURES if key not in values]:
            raise ValueError(f"it has no {', '.join(missing)}")
    except (msgspec.ValidationError, ValueError) as error:
        raise CorruptArtifactError(
            f"{directory / HEALTH} is no record of a trained dictionary ({error}); delete {directory} and rerun to "
            f"make it again"
        ) from error
    return _point(knobs.variant, knobs.k, knobs.l1_strength, figures=values)


class _Knobs(msgspec.Struct, frozen=True):
    variant: str
    k: int
    l1_strength: float


def _point(variant: str, k: int, l1_strength: float, *, figures: Mapping[str, float]) -> Point:
    values = {key: figures.get(key, 0.0) for key in _FIGURES}
    return msgspec.convert({"variant": variant, "k": k, "l1_strength": float(l1_strength), **values}, Point)


def with_frontier(points: Sequence[Point]) -> list[Point]:
    """Points in the order of their knobs, those on the frontier marked.

    Of two with the same variance explained the one with the lower L0 is better.
    """

    def better(one: Point, other: Point) -> bool:
        no_worse = one.l0 <= other.l0 and one.variance_explained >= other.variance_explained
        return no_worse and (one.l0, one.variance_explained) != (other.l0, other.variance_explained)

    return [
        msgspec.structs.replace(point, frontier=not any(better(other, point) for other in points))
        for point in sorted(points, key=lambda point: (point.variant, point.l1_strength, point.k))
    ]
