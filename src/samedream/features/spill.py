"""The sparse firings of a whole corpus, kept on disk while the features stage runs.

Arrays that grow with the text are appended to hidden raw files beside the stage's results and read back through memory
maps; they are removed when the stage ends, well or badly. Twelve bytes a firing and 24 an entry: less than the shards
they come from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from samedream.features.blocks import Block
from samedream.features.encoding import Firings
from samedream.features.store import save_arrays

_COLUMNS: dict[str, Any] = {
    "feature": np.int32,  # of an entry: a (passage, feature) pair that fires
    "value": np.float32,
    "peak_start": np.uint32,
    "peak_end": np.uint32,
    "last": np.int64,  # the entry's firings end here
    "activation": np.float32,  # of a firing: a token on which a feature fires
    "start": np.uint32,
    "end": np.uint32,
}
_CHUNK = 1 << 20  # entries read at a time


class Spill:
    """Append blocks of firings, then read them back as arrays; see the module's docstring."""

    def __init__(self, directory: Path, passages: int) -> None:
        """Open the raw files; what an interrupted run left is overwritten.

        Args:
            directory: The stage's directory.
            passages: Passages of the corpus.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._paths = {name: directory / f".{name}.spill.tmp" for name in _COLUMNS}
        self._files: dict[str, BinaryIO] = {name: path.open("wb") for name, path in self._paths.items()}
        self._mapped: dict[str, NDArray[Any]] = {}
        self._per_passage = np.zeros(passages, np.int64)
        self._entries = 0
        self._firings = 0

    def append(self, block: Block, fired: Firings) -> int:
        """Append a block's firings and return the position of its first entry."""
        position = self._entries
        np.add.at(self._per_passage, fired.passage, 1)
        self._write("feature", fired.feature)
        self._write("value", fired.value)
        self._write("peak_start", block.start[fired.peak])
        self._write("peak_end", block.end[fired.peak])
        self._write("last", fired.first[1:] + self._firings)
        self._write("activation", fired.activation)
        self._write("start", block.start[fired.row])
        self._write("end", block.end[fired.row])
        self._entries += len(fired.passage)
        self._firings += len(fired.row)
        return position

    def _write(self, name: str, values: NDArray[Any]) -> None:
        self._files[name].write(np.ascontiguousarray(values, _COLUMNS[name]).data)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """Entries of passage i are `bounds[i]` to `bounds[i + 1]`, int64 [passages + 1]."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self._per_passage)])

    def column(self, name: str) -> NDArray[Any]:
        """One array, as a memory map."""
        if name not in self._mapped:
            self._files[name].flush()
            path, dtype = self._paths[name], _COLUMNS[name]
            empty = not path.stat().st_size  # an empty file cannot be mapped
            self._mapped[name] = np.zeros(0, dtype) if empty else np.memmap(path, dtype, mode="r")
        return self._mapped[name]

    def firing_bounds(self, entries: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First firing of each of some entries, and the one after its last."""
        last = self.column("last")
        return np.where(entries > 0, last[np.maximum(entries - 1, 0)], 0), last[entries]

    def passage_chunks(self, order: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int64]]:
        """Passages in runs of about a million entries, in corpus order or in the given one."""
        counts = self._per_passage if order is None else self._per_passage[order]
        passages = np.arange(len(counts)) if order is None else order
        run = np.cumsum(counts) // _CHUNK
        yield from np.split(passages, np.flatnonzero(np.diff(run)) + 1)

    def close(self) -> None:
        """Remove the raw files."""
        self._mapped.clear()
        for name, handle in self._files.items():
            handle.close()
            self._paths[name].unlink(missing_ok=True)


@contextmanager
def spilling(directory: Path, passages: int) -> Iterator[Spill]:
    """A `Spill` whose files are gone afterwards."""
    spill = Spill(directory, passages)
    try:
        yield spill
    finally:
        spill.close()


def save_activity(spill: Spill, features: int, *, activity: Path, peaks: Path) -> None:
    """Assemble activity.npz and peaks.npz from the spilled firings."""
    bounds = spill.bounds
    if bounds[-1] <= np.iinfo(np.int32).max:
        bounds = bounds.astype(np.int32)  # scipy wants one type for indices and indptr, and int32 wherever it fits
    arrays = {
        "indices": spill.column("feature"),
        "indptr": bounds,
        "format": np.array(b"csr"),
        "shape": np.array([len(bounds) - 1, features], np.int64),
        "data": spill.column("value"),
    }
    save_arrays(activity, arrays)
    save_arrays(peaks, {"start": spill.column("peak_start"), "end": spill.column("peak_end")})
