"""Granularity at one width: each side's measures, their difference, and what a difference of seeds alone gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from samedream.comparison.activity import Csr, as_csr
from samedream.comparison.blocks import Blocks
from samedream.comparison.context import Rung
from samedream.comparison.estimates import Sampled
from samedream.comparison.granularity.breadth import ENTITIES, MEASURES, Breadth, Floats, breadth
from samedream.comparison.granularity.splits import Splits, splits
from samedream.errors import ComparisonError
from samedream.records import Interval

MIN_FIRINGS = 10  # of a feature that counts in a mean; rarer ones say little of their spread
SIDES = {"a": "left", "b": "right"}


@dataclass(frozen=True)
class Mean:
    """A measure's mean over the features of a side (of log2, but for a share), and the variance of having these."""

    sampled: Sampled
    of_features: float


@dataclass(frozen=True)
class Step:
    """One width.

    Attributes:
        width: Features of a and of b.
        counted: Side → features that fire often enough to count.
        mean: Side → measure → interval: geometric means, for the entity share a plain one.
        difference: Measure → a - b, in doublings (log2); for the entity share in points.
        seeds: Side → measure → the same of the side and its own repeat; a side without a repeat is missing.
        inside: "a_in_b", "b_in_a", "a_in_repeat", "repeat_in_a", ... → share of the first's features that are children.
        fit: Side → L0 and explained variance of the dictionary, where known.
    """

    width: tuple[int, int]
    counted: dict[str, int]
    mean: dict[str, dict[str, Interval]]
    difference: dict[str, Interval]
    seeds: dict[str, dict[str, Interval]]
    inside: dict[str, float | None]
    fit: dict[str, dict[str, float]]

    def margin(self, measure: str) -> tuple[int, float] | None:
        """The sign of a - b, and how far its interval stays beyond what seeds alone give (negative: not at all).

        None where the widths differ or a repeat is missing: then nothing can be said of the models.
        """
        if self.width[0] != self.width[1] or len(self.seeds) < 2 or measure not in self.difference:
            return None
        if not all(measure in seed for seed in self.seeds.values()):
            return None
        found = self.difference[measure]
        nearest = found.low if found.value > 0 else -found.high
        return (1 if found.value > 0 else -1), nearest - max(abs(seed[measure].value) for seed in self.seeds.values())

    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(
            {
                "width": self.width,
                "features_counted": self.counted,
                **self.mean,
                "difference": self.difference,
                "seeds": self.seeds,
                "children": self.inside,
                "fit": self.fit,
            }
        )
        return found


def breadths(rung: Rung, blocks: Blocks, topics: Any) -> dict[str, Breadth]:
    """Side → its measures.

    Raises:
        ComparisonError: A side is not activity on these passages.
    """
    return {
        name: breadth(_checked(matrix, name, blocks), blocks, topics=topics, peaks=rung.peaks.get(name))
        for name, matrix in rung.sides.items()
    }


def step(rung: Rung, measured: Mapping[str, Breadth]) -> Step:
    """Put the sides of one width beside each other.

    Args:
        rung: Activity.
        measured: Side → its measures.
    """
    means = {name: _means(found) for name, found in measured.items()}
    inside: dict[str, float | None] = {}
    for one, other in (("left", "right"), ("left", "left_repeat"), ("right", "right_repeat")):
        if other in rung.sides:
            names = one.replace("left", "a").replace("right", "b"), "b" if other == "right" else "repeat"
            found = splits(as_csr(rung.sides[one], one), as_csr(rung.sides[other], other))
            inside[f"{names[0]}_in_{names[1]}"], inside[f"{names[1]}_in_{names[0]}"] = (s.child_share for s in found)
    return Step(
        width=(measured["left"].fired.size, measured["right"].fired.size),
        counted={side: int((measured[name].fired >= MIN_FIRINGS).sum()) for side, name in SIDES.items()},
        mean={side: {key: _shown(key, mean) for key, mean in means[name].items()} for side, name in SIDES.items()},
        difference=_difference(means["left"], means["right"]),
        seeds={
            side: _difference(means[name], means[f"{name}_repeat"])
            for side, name in SIDES.items()
            if f"{name}_repeat" in means
        },
        inside=inside,
        fit={side: rung.fit[name] for side, name in SIDES.items() if name in rung.fit},
    )


def split_into(narrow: Rung, wide: Rung, name: str) -> dict[str, Any]:
    """How a model's features at one width come apart at a larger one: a check, it must find more splits than merges.

    Args:
        narrow: The smaller width.
        wide: The larger one.
        name: "left" or "right".
    """
    one, other = (as_csr(rung.sides[name], name) for rung in (narrow, wide))
    small, large = splits(one, other)
    return {
        "from": one.shape[1],
        "to": other.shape[1],
        "split": _in_parts(large),
        "merged": _in_parts(small),
        "children": large.child_share,
        "parents_as_children": small.child_share,
    }


def _in_parts(found: Splits) -> float | None:
    """Share of the outer features that two or more inner ones make up."""
    return float((found.number >= 2).sum()) / found.outer if found.outer else None


def _checked(matrix: Csr, name: str, blocks: Blocks) -> Csr:
    activity = as_csr(matrix, name)
    if activity.shape[0] != blocks.code.size:
        raise ComparisonError(
            f"{name} at width {activity.shape[1]} has {activity.shape[0]} passages, the comparison has "
            f"{blocks.code.size}: every side must hold the same passages in the same order"
        )
    return activity


def _means(found: Breadth) -> dict[str, Mean]:
    counted = found.fired >= MIN_FIRINGS
    means = {}
    for key in MEASURES:
        if key not in found.value:
            continue
        known = counted & np.isfinite(found.value[key])
        if known.sum() < 2:
            continue
        value, without = (_scaled(key, values[..., known]) for values in (found.value[key], found.without[key]))
        sampled = Sampled(float(value.mean()), np.nanmean(without, axis=1), found.halves)
        means[key] = Mean(sampled, float(value.var(ddof=1)) / value.size)
    return means


def _scaled(key: str, values: Floats) -> Floats:
    """Doublings, so that half and twice as broad lie equally far; a share may be 0 and stays as it is."""
    return values if key == ENTITIES else np.log2(values)


def _shown(key: str, mean: Mean) -> Interval:
    if key == ENTITIES:
        return mean.sampled.interval(extra_variance=mean.of_features, lowest=0.0, highest=1.0)
    found = mean.sampled.interval(extra_variance=mean.of_features)
    return Interval(value=2**found.value, low=2**found.low, high=2**found.high, confidence=found.confidence)


def _difference(one: Mapping[str, Mean], other: Mapping[str, Mean]) -> dict[str, Interval]:
    found = {}
    for key in one.keys() & other.keys():
        x, y = one[key], other[key]
        sampled = Sampled(x.sampled.value - y.sampled.value, x.sampled.without - y.sampled.without, x.sampled.halves)
        found[key] = sampled.interval(extra_variance=x.of_features + y.of_features)
    return {key: found[key] for key in MEASURES if key in found}
