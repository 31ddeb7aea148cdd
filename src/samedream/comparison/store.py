"""The comparison's directory ``comparison/<a>--<b>/``: names, reading and writing."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from samedream.artifacts import atomic_path, verify, write_json
from samedream.comparison.answer import verdict
from samedream.comparison.compare import Comparison

MATCHES = "matches.parquet"
SUMMARY = "summary.json"


def summary(comparison: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """What ``summary.json`` holds, as plain JSON values.

    Args:
        comparison: The result.
        names: The display names of left and right.
    """
    directed = {
        key: msgspec.to_builtins(getattr(comparison, key))
        for key in ("universality", "floor", "ceiling", "normalised", "shared_fraction")
    }
    result: dict[str, Any] = {
        "models": list(names),
        "passages": comparison.passages,
        "blocks": comparison.blocks,
        "features": dict(zip(names, comparison.features, strict=True)),
        "classes": comparison.classes,
        **directed,
        "mean_r": comparison.mean_r["found"],
        "mean_r_floor": comparison.mean_r["floor"],
        "mean_r_ceiling": comparison.mean_r["ceiling"],
        "pass_share": comparison.pass_share,
        "repeat_pass_share": comparison.repeat_pass_share,
        "permutation_fdr": comparison.permutation_fdr,
        "seed_stability": msgspec.to_builtins(comparison.seed_stability),
        "embedding_similarity": comparison.embedding_similarity,
        "granularity": comparison.granularity,
        "method": comparison.method,
        "notes": comparison.notes,
    }
    result["verdict"] = verdict(result)
    return result


def save(directory: Path, comparison: Comparison, names: tuple[str, str]) -> list[Path]:
    """Write the matches and the summary; the files written."""
    with atomic_path(directory / MATCHES) as temporary:
        pq.write_table(comparison.matches, temporary, compression="zstd")
    write_json(directory / SUMMARY, summary(comparison, names))
    return [directory / MATCHES, directory / SUMMARY]


def load_matches(directory: Path) -> pa.Table:
    """The table of matches of a finished comparison, its checksum checked."""
    return pq.read_table(verify(directory, MATCHES))


def load_summary(directory: Path) -> dict[str, Any]:
    """The summary of a finished comparison, its checksum checked."""
    loaded: dict[str, Any] = json.loads(verify(directory, SUMMARY).read_bytes())
    return loaded
