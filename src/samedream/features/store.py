"""What the features stage leaves on disk, and how to load it.

`features.parquet`   one row per feature, dead ones too: feature, passages, articles, firing_rate, token_density, mean,
                     max, dead, histogram
`exemplars.parquet`  feature, rank, passage_id, peak_start, peak_end, value, stratum, span_starts, span_ends,
                     span_values
`activity.npz`       scipy CSR float32 [passages, features]: maximum over the passage's tokens, rows in corpus order
`peaks.npz`          start, end (uint32), one for each stored value of activity.npz: the span of the token that has it
`states.npy`         float32 [passages, d]: mean hidden state of the passage's tokens; NaN where it has none
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from samedream import artifacts

FEATURES = "features.parquet"
EXEMPLARS = "exemplars.parquet"
ACTIVITY = "activity.npz"
PEAKS = "peaks.npz"
STATES = "states.npy"
FILES = (FEATURES, EXEMPLARS, ACTIVITY, PEAKS, STATES)


def load_features(directory: Path) -> pa.Table:
    """Load features.parquet.

    Raises:
        MissingArtifactError: The stage is not done.
        CorruptArtifactError: The file does not fit its checksum.
    """
    return pq.read_table(artifacts.verify(directory, FEATURES))


def load_exemplars(directory: Path) -> pa.Table:
    """Load exemplars.parquet; raises what `load_features` raises."""
    return pq.read_table(artifacts.verify(directory, EXEMPLARS))


def load_activity(directory: Path) -> "sparse.csr_matrix[np.float32]":
    """Load activity.npz, float32 [passages, features]; raises what `load_features` raises."""
    return sparse.csr_matrix(sparse.load_npz(artifacts.verify(directory, ACTIVITY)))


def load_peaks(directory: Path) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Load peaks.npz: first character and character after the peak token of each stored value of activity.npz.

    Raises:
        MissingArtifactError: The stage is not done.
        CorruptArtifactError: The file does not fit its checksum.
    """
    with np.load(artifacts.verify(directory, PEAKS)) as arrays:
        return arrays["start"], arrays["end"]


def load_states(directory: Path) -> NDArray[np.float32] | None:
    """Map states.npy into memory, float32 [passages, d], NaN rows where a passage has no token.

    None where the stage was run by a version that did not keep them; raises what `load_features` raises.
    """
    if STATES not in artifacts.require_manifest(directory).files:
        return None
    states: NDArray[np.float32] = np.load(artifacts.verify(directory, STATES), mmap_mode="r")
    return states


def save_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet."""
    with artifacts.atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz as numpy does, but with the same bytes every time; memory maps are copied piece by piece."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # with zip's earliest date, not today's
            member.external_attr = 0o644 << 16
            with archive.open(member, "w", force_zip64=True) as handle:
                np.lib.format.write_array(handle, array, allow_pickle=False)
