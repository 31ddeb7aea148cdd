"""Reads the dictionaries whose granularity is compared: the study's own and those of other widths."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from samedream import artifacts
from samedream.comparison.context import Context, Rung
from samedream.comparison.granularity.peaks import PeakReader
from samedream.comparison.reading import PASSAGES
from samedream.features.store import PEAKS
from samedream.sae.store import HEALTH, load_health

Readers = Mapping[str, tuple[Path, Path | None]]
"""Side → its ``features/<reader>``, and its dictionary where there is one."""
FIT = ("l0", "variance_explained")
_SIDES = ("left", "right", "left_repeat", "right_repeat")


def at(side: str, width: int) -> str:
    """What a side of another width is called among all sides of a comparison."""
    return f"{side}_w{width}"


def with_widths(
    context: Context, corpus: Path, own: Readers, widths: Mapping[int, Readers], *, activity: dict[str, Any]
) -> Context:
    """The context with the words at the peaks, how well the dictionaries fit, and the dictionaries of other widths.

    Args:
        context: What else is known.
        corpus: The study's ``corpus``.
        own: The study's own dictionaries.
        widths: Width → dictionaries of that width.
        activity: Side → its activity as the features stage stored it; those of other widths (`at`) are taken out.
    """
    texts: list[str] = pq.read_table(artifacts.verify(corpus, PASSAGES), columns=["text"])["text"].to_pylist()
    peaks = PeakReader(texts)
    mine = _rung({side: own[side] for side in _SIDES if side in own}, activity, peaks)
    rungs = [
        _rung(rung, {side: activity.pop(at(side, width)) for side in rung}, peaks) for width, rung in widths.items()
    ]
    return replace(context, peaks=mine.peaks, fit=mine.fit, widths=tuple(rungs))


def _rung(readers: Readers, activity: Mapping[str, Any], peaks: PeakReader) -> Rung:
    return Rung(
        sides={side: activity[side] for side in readers},
        peaks={
            side: peaks.read(features, activity[side])
            for side, (features, _) in readers.items()
            if (features / PEAKS).exists()
        },
        fit={side: _fit(sae) for side, (_, sae) in readers.items() if sae is not None and (sae / HEALTH).exists()},
    )


def _fit(sae: Path) -> dict[str, float]:
    known = {metric.key: metric.value for metric in load_health(sae).metrics}
    return {key: float(value) for key in FIT if (value := known.get(key)) is not None}
