"""One planted pair read by the instrument, and what many of them say together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from samedream.comparison.compare import Comparison, compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.view import FALSE_DISCOVERY_RATE
from samedream.planted.activity import PlantedActivity

WAYS = ("a_to_b", "b_to_a")


@dataclass(frozen=True)
class Reading:
    """What one planted pair was read as, in one direction.

    Attributes:
        truth: The share of the model's concepts that the other has.
        value: The shared fraction that was read; NaN where it was withheld.
        low: Lower end of its interval.
        high: Upper end.
        passes: Features that passed the test.
        false: How many of them have a concept that the other dictionary has not.
    """

    truth: float
    value: float
    low: float
    high: float
    passes: int
    false: int

    @property
    def error(self) -> float:
        """Read minus true."""
        return self.value - self.truth

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return bool(self.low <= self.truth + 1e-9 and self.high >= self.truth - 1e-9)


@dataclass(frozen=True)
class Figures:
    """What many readings say.

    Attributes:
        bias: Mean error.
        error: Mean of ``|read - true|``.
        within: Share of readings with an error of at most .1.
        coverage: Share of intervals that hold the truth.
        fdr: Mean share of false ones among the passing features (0 where none passes).
    """

    bias: float
    error: float
    within: float
    coverage: float
    fdr: float


def read(pair: PlantedActivity, config: ComparisonConfig) -> tuple[Comparison, list[Reading]]:
    """Compare a planted pair and set what was read beside the truth, a to b and b to a."""
    found = compare(pair.left, pair.right, pair.blocks, config, **pair.beside())
    readings = []
    known = {"a": pair.left_concept, "b": pair.right_concept}
    for way, truth in zip(WAYS, pair.shared, strict=True):
        here, there = way[0], way[-1]
        interval = getattr(found.shared_fraction, way)
        passed = _q_values(found.matches, here) <= FALSE_DISCOVERY_RATE
        false = passed & ~np.isin(known[here], known[there])
        nothing = interval is None
        readings.append(
            Reading(
                truth=truth,
                value=np.nan if nothing else interval.value,
                low=np.nan if nothing else interval.low,
                high=np.nan if nothing else interval.high,
                passes=int(passed.sum()),
                false=int(false.sum()),
            )
        )
    return found, readings


@dataclass(frozen=True)
class Splits:
    """How planted splits were found, in counts that add up over pairs.

    Attributes:
        planted: Left features that right has in several; they and two parts at least fire often enough to be told.
        called: Left features that were called split.
        right: Those of them that are.
        parts_planted: Parts of planted splits that fire often enough.
        parts_called: Parts of the features that were called split.
        parts_right: Those of them that are parts of that feature.
    """

    planted: int
    called: int
    right: int
    parts_planted: int
    parts_called: int
    parts_right: int


def split_rates(found: Iterable[Splits]) -> dict[str, float]:
    """Precision and recall of splits and of their parts over many pairs; 1 where nothing was called or planted."""
    every = list(found)

    def rate(hits: str, of: str) -> float:
        total = sum(getattr(one, of) for one in every)
        return sum(getattr(one, hits) for one in every) / total if total else 1.0

    return {
        "splits_precision": rate("right", "called"),
        "splits_recall": rate("right", "planted"),
        "parts_precision": rate("parts_right", "parts_called"),
        "parts_recall": rate("parts_right", "parts_planted"),
    }


def splits(pair: PlantedActivity, matches: pa.Table) -> Splits:
    """Set the splits that `compare` found of left's features beside the planted ones.

    Args:
        pair: The planted pair.
        matches: `Comparison.matches`.
    """
    rows = {side: matches.filter(pc.equal(matches["side"], side)) for side in ("a", "b")}
    told = {side: ~np.isnan(_q_values(matches, side)) for side in rows}
    true = {parent: {part for part in parts if told["b"][part]} for parent, parts in pair.splits.items()}
    true = {parent: parts for parent, parts in true.items() if told["a"][parent] and len(parts) > 1}
    children = [set(parts or ()) for parts in rows["a"]["children"].to_pylist()]
    called = {feature: parts for feature, parts in enumerate(children) if len(parts) > 1}
    return Splits(
        planted=len(true),
        called=len(called),
        right=len(called.keys() & pair.splits.keys()),
        parts_planted=sum(map(len, true.values())),
        parts_called=sum(map(len, called.values())),
        parts_right=sum(len(parts & set(pair.splits.get(feature, ()))) for feature, parts in called.items()),
    )


def figures(readings: Iterable[Reading]) -> Figures:
    """Sum up readings; one that was withheld counts as missed."""
    found = list(readings)
    error = np.array([reading.error for reading in found])
    size = np.where(np.isnan(error), 1.0, np.abs(error))
    return Figures(
        bias=float(np.nanmean(error)) if np.isfinite(error).any() else float("nan"),
        error=float(size.mean()),
        within=float((size <= 0.1).mean()),
        coverage=float(np.mean([reading.covered for reading in found])),
        fdr=float(np.mean([reading.false / max(1, reading.passes) for reading in found])),
    )


def _q_values(matches: Any, side: str) -> NDArray[np.float64]:
    """Q of each feature of one side; NaN where it has none."""
    mine = matches.filter(pc.equal(matches["side"], side))
    q: NDArray[np.float64] = mine["q_value"].to_numpy(zero_copy_only=False)
    return q
