"""Loads what is judged, and writes what was said.

`judged.parquet`  a row for each forced choice (see `judge.SCHEMA`)
`judge.svg`       the calibration
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from samedream import artifacts
from samedream.comparison.activity import prepare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled.judge.cases import ground
from samedream.comparison.labelled.judge.judge import Judgement, judge
from samedream.comparison.labelled.judge.readers import Reader
from samedream.corpus.store import load_passages
from samedream.errors import CorruptArtifactError
from samedream.features.candidates import article_index
from samedream.features.store import PEAKS, load_activity, load_peaks
from samedream.labels.language.question import Ask

JUDGED = "judged.parquet"
PICTURE = "judge.svg"


def judge_pair(
    features: Mapping[str, Path],
    matches: pa.Table,
    corpus: Path,
    *,
    embedding: NDArray[np.float32] | None,
    ask: Ask | None,
    config: ComparisonConfig,
    most: int | None = None,
) -> Judgement:
    """Load what a comparison was made from and judge its matches.

    Args:
        features: "left", "right", and where there are any "left_repeat", "left_floor" … → ``features/<reader>``.
        matches: The comparison's `matches.parquet`.
        corpus: ``corpus``.
        embedding: Each passage as a neutral embedder sees it, or None.
        ask: A language model, or None.
        config: The comparison's settings.
        most: Features of each lot that a language model is asked about at most; None: as many as `judge` asks about.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        CorruptArtifactError: A file does not fit its checksum, or peaks do not fit their activity.
    """
    passages = load_passages(corpus)
    article = article_index([passage.article_id for passage in passages])
    held_out = np.array([passage.fold == "score" for passage in passages], np.bool_)
    return judge(
        {side: _reader(path, side, config) for side, path in features.items()},
        matches,
        ground(article, held_out, config.seed),
        texts=[passage.text for passage in passages],
        embedding=embedding,
        ask=ask,
        seed=config.seed,
        most=most,
    )


def save_judgement(directory: Path, found: Judgement) -> list[Path]:
    """Write the table and the picture; the files written."""
    with artifacts.atomic_path(directory / JUDGED) as temporary:
        pq.write_table(found.table, temporary, compression="zstd")
    if found.picture is None:
        return [directory / JUDGED]
    artifacts.write_bytes(directory / PICTURE, found.picture.encode())
    return [directory / JUDGED, directory / PICTURE]


def _reader(directory: Path, side: str, config: ComparisonConfig) -> Reader:
    activity, peaks = prepare(load_activity(directory), side, config), load_peaks(directory)
    if len(peaks[0]) != activity.raw.nnz:
        raise CorruptArtifactError(
            f"{directory / PEAKS} holds {len(peaks[0])} spans for {activity.raw.nnz} values; delete {directory} and "
            f'rerun "samedream features DIR"'
        )
    return Reader(activity, peaks)
