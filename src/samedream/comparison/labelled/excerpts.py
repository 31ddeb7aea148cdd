"""A passage for each feature that a sentence names: its strongest exemplar, the peak marked."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.features.store import EXEMPLARS
from samedream.labels.asked.marks import marked

AROUND = 120  # characters kept on either side of the peak
_SIDES = {"a": "left", "b": "right"}


def excerpts(ids: Iterable[str], features: Mapping[str, Path], corpus: Path) -> dict[str, str]:
    """Feature id → what stands around its highest peak, << >> around the peak; nothing for one without exemplars.

    Args:
        ids: Features: "a:12".
        features: "left", "right" → ``features/<model>``.
        corpus: ``corpus``.
    """
    wanted = list(ids)
    peaks: dict[str, tuple[str, int, int]] = {}
    for side, name in _SIDES.items():
        numbers = [int(one[2:]) for one in wanted if one[0] == side]
        columns = ["feature", "rank", "passage_id", "span_starts", "span_ends", "span_values"]
        chosen = pc.field("feature").isin(numbers) & (pc.field("rank") == 0)
        rows = pq.read_table(artifacts.verify(features[name], EXEMPLARS), columns=columns, filters=chosen)
        for row in rows.to_pylist():
            if row["span_values"]:
                _, start, end = max(zip(row["span_values"], row["span_starts"], row["span_ends"], strict=True))
                peaks[f"{side}:{row['feature']}"] = row["passage_id"], start, end
    chosen = pc.field("passage_id").isin([passage for passage, _, _ in peaks.values()])
    path = artifacts.verify(corpus, "passages.parquet")
    texts = {
        row["passage_id"]: row["text"]
        for row in pq.read_table(path, columns=["passage_id", "text"], filters=chosen).to_pylist()
    }
    return {one: _around(texts[passage], start, end) for one, (passage, start, end) in peaks.items()}


def _around(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    return marked(text[first:last], (start - first, end - first))
