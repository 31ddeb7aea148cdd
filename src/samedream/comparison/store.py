"""The comparison's directories ``comparison/<a>--<b>/`` and ``comparison/all/``: names, reading and writing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from samedream.artifacts import atomic_path, read_manifest, verify, write_bytes, write_json
from samedream.comparison.answer import answer, verdict
from samedream.comparison.compare import Comparison
from samedream.comparison.together.picture import draw
from samedream.comparison.together.together import Together

MATCHES = "matches.parquet"
SUMMARY = "summary.json"
CONCEPTS = "concepts.parquet"
PICTURE = "models.svg"


def summary(comparison: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """What ``summary.json`` holds, as plain JSON values.

    Args:
        comparison: The result.
        names: The display names of left and right.
    """
    directed = {
        key: msgspec.to_builtins(getattr(comparison, key))
        for key in ("universality", "floor", "ceiling", "normalised", "shared_fraction", "shared_over_twins")
    }
    result: dict[str, Any] = {
        "models": list(names),
        "passages": comparison.passages,
        "blocks": comparison.blocks,
        "features": dict(zip(names, comparison.features, strict=True)),
        "classes": comparison.classes,
        **directed,
        "floor_frozen": msgspec.to_builtins(comparison.floor_frozen),
        "mean_r": comparison.mean_r["found"],
        "mean_r_floor": comparison.mean_r["floor"],
        "mean_r_ceiling": comparison.mean_r["ceiling"],
        "pass_share": comparison.pass_share,
        "repeat_pass_share": comparison.repeat_pass_share,
        "permutation_fdr": comparison.permutation_fdr,
        "seed_stability": msgspec.to_builtins(comparison.seed_stability),
        "embedding_similarity": comparison.embedding_similarity,
        "dense": comparison.dense,
        "decoder_cosine": comparison.decoder_cosine,
        "granularity": comparison.granularity,
        "sharing": msgspec.to_builtins(comparison.sharing),
        "crosscoder": comparison.crosscoder,
        "structure": comparison.structure,
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


def save_together(directory: Path, together: Together) -> list[Path]:
    """Write what all models of a study have in common: summary, table of concepts, picture; the files written."""
    with atomic_path(directory / CONCEPTS) as temporary:
        pq.write_table(together.concepts, temporary, compression="zstd")
    write_json(directory / SUMMARY, together.summary)
    write_bytes(directory / PICTURE, draw(together.summary).encode())
    return [directory / CONCEPTS, directory / SUMMARY, directory / PICTURE]


def write_answer(path: Path, pairs: Sequence[Path], together: Path) -> None:
    """Write ``answer.json`` once every comparison is there.

    It is the first comparison's answer; a study of more models lists all of them under "pairs", and what they have in
    common under "all".

    Args:
        path: The file.
        pairs: The comparisons' directories.
        together: ``comparison/all``; its part is left out where that is not finished or was made from others.

    Raises:
        CorruptArtifactError: A comparison's summary does not fit its checksum.
    """
    finished = [load_summary(pair) for pair in pairs if read_manifest(pair)]
    if len(finished) < len(pairs):
        return
    answers = [answer(found) for found in finished]
    first = dict(answers[0])
    if len(answers) > 1:
        first["pairs"] = answers
    manifest = read_manifest(together)
    made_from = {found.fingerprint() for pair in pairs if (found := read_manifest(pair))}
    if manifest is not None and set(manifest.inputs.values()) == made_from:
        first["all"] = load_summary(together)
    write_json(path, first)


def load_matches(directory: Path) -> pa.Table:
    """The table of matches of a finished comparison, its checksum checked."""
    return pq.read_table(verify(directory, MATCHES))


def load_summary(directory: Path) -> dict[str, Any]:
    """The summary of a finished comparison, its checksum checked."""
    loaded: dict[str, Any] = json.loads(verify(directory, SUMMARY).read_bytes())
    return loaded
