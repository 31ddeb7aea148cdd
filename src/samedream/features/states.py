"""The mean hidden state of each passage, written to disk as the pass goes: it grows with the text."""

from typing import IO

import numpy as np
from numpy.typing import NDArray

from samedream.features.blocks import Block


class StateMeans:
    """Writes `states.npy`, float32 [passages, d]: one row a passage, its tokens' mean; NaN where it has no token.

    NaN, not 0: an absent state must not pass for one.
    """

    def __init__(self, handle: IO[bytes], passages: int, d: int) -> None:
        """Write the header.

        Args:
            handle: The file, opened for writing.
            passages: Passages of the corpus.
            d: Width of the hidden states.
        """
        self._handle, self._passages, self._d, self._written = handle, passages, d, 0
        header = {"descr": "<f4", "fortran_order": False, "shape": (passages, d)}
        np.lib.format.write_array_header_1_0(handle, header)

    def add(self, block: Block) -> None:
        """Write a block's passages; blocks come in corpus order."""
        passage, begins = np.unique(block.passage, return_index=True)
        sums = np.add.reduceat(block.vectors.numpy(), begins, axis=0, dtype=np.float64)
        counts = np.diff(np.append(begins, len(block.passage)))
        rows = self._absent(int(passage[-1]) + 1 - self._written)
        rows[passage - self._written] = sums / counts[:, None]
        self._write(rows)

    def close(self) -> None:
        """Write what is missing: passages after the last token."""
        self._write(self._absent(self._passages - self._written))

    def _absent(self, count: int) -> NDArray[np.float32]:
        return np.full((count, self._d), np.nan, np.float32)

    def _write(self, rows: NDArray[np.float32]) -> None:
        self._handle.write(rows.astype("<f4", copy=False).data)
        self._written += len(rows)
