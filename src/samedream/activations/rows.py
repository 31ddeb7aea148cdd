"""The rows of a finished harvest, read from disk as they are asked for: memory does not grow with the harvest."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open

from samedream.activations.shards import norm_key, read_tensors, remedy
from samedream.errors import CorruptArtifactError

_SPAN = 2048  # rows read in one piece


class StoredRows:
    """Hidden states of one layer, attention sinks left out: `rows[indices]` reads them.

    Attributes:
        shape: Rows and width, as a tensor's.
    """

    def __init__(self, paths: Sequence[Path], layer: str, threshold: float, *, d: int) -> None:
        """Look through the norms (nothing else is read).

        Args:
            paths: The shards, in order.
            layer: The layer's name.
            threshold: Rows with a norm above this are left out.
            d: Width of the hidden states.

        Raises:
            CorruptArtifactError: A shard cannot be read.
        """
        self._paths, self._layer, counts = list(paths), layer, [0]
        self._shifts = []  # for each sink of a shard, in order: the number of the kept row that comes after it
        for path in paths:
            norms = read_tensors(path, (norm_key(layer),))[norm_key(layer)]
            sinks = (norms > threshold).nonzero().squeeze(1).numpy()
            self._shifts.append(sinks - np.arange(len(sinks)))
            counts.append(len(norms) - len(sinks))
        self._starts: npt.NDArray[np.int64] = np.cumsum(counts)
        self.shape = (int(self._starts[-1]), d)

    def __len__(self) -> int:
        """Number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """Read rows.

        Args:
            rows: Which, int64 [n]; in ascending order they cost least.

        Returns:
            float32 [n, d].

        Raises:
            CorruptArtifactError: A shard is damaged or shorter than its header says.
        """
        return self.read(rows).float()

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The same in the numbers they are stored in: bfloat16 [n, d]."""
        wanted, places = torch.sort(rows)
        out = torch.empty(len(rows), self.shape[1], dtype=torch.bfloat16)
        borders = np.searchsorted(wanted.numpy(), self._starts)
        for shard, (start, end) in enumerate(zip(borders[:-1], borders[1:], strict=True)):
            if start < end:
                local = wanted[start:end].numpy() - self._starts[shard]
                # a row comes after as many sinks as have a place at or before it
                local = local + np.searchsorted(self._shifts[shard], local, side="right")
                self._read_shard(self._paths[shard], local, places[start:end], out)
        return out

    def _read_shard(self, path: Path, rows: npt.NDArray[np.int64], places: torch.Tensor, out: torch.Tensor) -> None:
        """Write rows of one shard, ascending, to their places."""
        cuts = np.flatnonzero(np.diff(rows // _SPAN)) + 1
        borders = [0, *cuts.tolist(), len(rows)]
        try:
            for start, end in pairwise(borders):
                first, last = int(rows[start]), int(rows[end - 1])
                with safe_open(path, framework="pt") as handle:  # anew: what it has mapped counts as memory
                    piece = handle.get_slice(self._layer)[first : last + 1]
                out[places[start:end]] = piece[torch.from_numpy(rows[start:end] - first)]
        except (SafetensorError, OSError, IndexError) as error:
            raise CorruptArtifactError(f"{path} cannot be read ({error}); {remedy(path)}") from error
