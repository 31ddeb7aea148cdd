"""Sums of verdicts: shares with Wilson intervals, and the calibration against the correlation of a match."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream.comparison.labelled.counting import wilson
from samedream.comparison.labelled.judge.cases import OPTIONS
from samedream.comparison.labelled.judge.judges import Verdicts
from samedream.comparison.labelled.judge.rivals import BY_CORRELATION, BY_MEANING

CHANCE = 1 / OPTIONS
JUDGES = ("embedding", "llm")
KINDS = ("match", "repeat")
NEGATIVES = (BY_CORRELATION, BY_MEANING)
WAYS = {"a": "a_to_b", "b": "b_to_a"}
EDGES = (-np.inf, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, np.inf)  # of r
FEWEST = 10  # cases of a bin or a share

Floats = NDArray[np.float64]


def summed(table: pa.Table, judge: str, verdicts: Verdicts) -> dict[str, Any]:
    """A judge's part of the summary.

    Args:
        table: A row for each case (`judge.SCHEMA`).
        judge: The column that holds the share of right answers.
        verdicts: Where it was put and how many answers failed.
    """
    return {
        "negatives": {kind: _of_negatives(table, judge, kind) for kind in NEGATIVES},
        "places": verdicts.places.tolist() if verdicts.status else None,
        "answers": verdicts.status or None,
    }


def _of_negatives(table: pa.Table, judge: str, negatives: str) -> dict[str, Any] | None:
    """Each way, and both ways by r; None where there are no such negatives."""
    found = {way: _one_way(table, judge, side=side, negatives=negatives) for side, way in WAYS.items()}
    bins = {kind: _bins(_of(table, judge, kind=kind, negatives=negatives)) for kind in KINDS}
    return {**found, "bins": bins} if any(value for way in found.values() for value in way.values()) else None


def _one_way(table: pa.Table, judge: str, **of: str) -> dict[str, Any]:
    """The matches that pass, those that do not, the own repeat where it passes, and the twin for what passes."""
    wanted: Mapping[str, tuple[str, bool]] = {
        "matched": ("match", True),
        "unmatched": ("match", False),
        "repeat": ("repeat", True),
        "twin": ("twin", True),
    }
    return {
        name: share(_of(table, judge, kind=kind, passes=passes, **of)[1]) for name, (kind, passes) in wanted.items()
    }


def share(right: Floats) -> dict[str, float | int] | None:
    """The share of right choices with its Wilson interval; None of fewer than 10 cases.

    The case counts, not the answer: four orders of one case are not four observations.
    """
    if right.size < FEWEST:
        return None
    found = wilson(float(right.sum()), right.size)
    return {"value": found.value, "low": found.low, "high": found.high, "cases": int(right.size)}


def _of(table: pa.Table, judge: str, *, kind: str, **more: Any) -> tuple[Floats, Floats]:
    """R and share of right answers of the cases that were judged."""
    wanted = np.array([value == kind for value in table["kind"].to_pylist()], bool)
    for name, value in more.items():
        wanted &= np.array([found == value for found in table[name].to_pylist()], bool)
    right = np.array(table[judge].to_pylist(), np.float64)
    wanted &= ~np.isnan(right)
    return np.array(table["r"].to_pylist(), np.float64)[wanted], right[wanted]


def _bins(found: tuple[Floats, Floats]) -> list[dict[str, float | int]]:
    r, right = found
    bins = []
    for low, high in zip(EDGES[:-1], EDGES[1:], strict=True):
        inside = (r >= low) & (r < high)
        if (one := share(right[inside])) is not None:
            bins.append({"r": float(r[inside].mean()), **one})
    return bins
