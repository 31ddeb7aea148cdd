"""The exemplars' table: which passage, where its peak is, and every token on which the feature fires there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream.features.spill import Spill
from samedream.features.statistics import concatenated_ranges
from samedream.features.strata import STRATA, Chosen

_SPAN = 32  # bits of a span's start and end inside a near miss's payload


def packed_span(start: NDArray[np.int32], end: NDArray[np.int32]) -> NDArray[np.int64]:
    """A character span in one int64, the payload of a near miss."""
    return (start.astype(np.int64) << _SPAN) | end.astype(np.int64)


def exemplar_table(chosen: Chosen, spill: Spill, passage_ids: Sequence[str]) -> pa.Table:
    """Build exemplars.parquet.

    Args:
        chosen: The exemplars; the payload is an entry's position in the spill, or for a near miss its packed span.
        spill: The corpus' firings.
        passage_ids: Ids in corpus order.
    """
    exemplar = chosen.candidates
    near = chosen.stratum == STRATA.index("near miss")
    entry = exemplar.payload[~near]

    def filled(of_near: Any, column: str, dtype: Any) -> NDArray[Any]:
        values = np.zeros(len(exemplar), dtype)
        values[near], values[~near] = of_near, spill.column(column)[entry]
        return values

    begins, ends = spill.firing_bounds(entry)
    lengths = np.zeros(len(exemplar), np.int64)
    lengths[~near] = ends - begins
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]).astype(np.int32)
    firing = concatenated_ranges(begins, ends - begins)

    def listed(column: str, dtype: Any) -> pa.ListArray:
        return pa.ListArray.from_arrays(offsets, spill.column(column)[firing].astype(dtype))

    packed = exemplar.payload[near]
    return pa.table(
        {
            "feature": exemplar.feature,
            "rank": chosen.rank,
            "passage_id": pa.array([passage_ids[i] for i in exemplar.passage], pa.string()),
            "peak_start": filled(packed >> _SPAN, "peak_start", np.int32),
            "peak_end": filled(packed & ((1 << _SPAN) - 1), "peak_end", np.int32),
            "value": filled(0, "value", np.float32),
            "stratum": pa.array([STRATA[i] for i in chosen.stratum], pa.string()),
            "span_starts": listed("start", np.int32),
            "span_ends": listed("end", np.int32),
            "span_values": listed("activation", np.float32),
        }
    )
