"""The order in which training reads rows, and reading them: batch after batch, from memory or from disk.

Every epoch is a new permutation. What fits into the buffer is permuted as a whole. A larger harvest is cut into chunks
of consecutive rows; an epoch permutes the chunks, fills the buffer with some hundred of them at a time and permutes
what is in it: the disk is read in long pieces, and no batch holds two rows of a passage more often than chance would.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.distributed import current_ranks
from samedream.sae.plan import TrainingPlan
from samedream.sae.scaling import Scaling
from samedream.sae.split import OnDisk, Vectors

Numbers = npt.NDArray[np.int64]
BUFFER_ROWS = 131_072  # rows held at a time of a harvest on disk, as they are stored: 168 MB at d 640
_CHUNK = 512
_ROWS = 256  # rows of a batch that are made at a time: near the processor


def epoch_orders(rows: Numbers, epoch: int, *, seed: int, buffer_rows: int | None) -> Iterator[Numbers]:
    """The order of one epoch, in pieces that are in memory at the same time.

    Args:
        rows: Rows to train on, int64 ascending.
        epoch: From 0.
        seed: Of the order. An epoch's order depends on seed and epoch alone, so a run can be taken up anywhere.
        buffer_rows: Largest piece; None: everything is in memory.

    Yields:
        int64 [piece].
    """
    random = np.random.default_rng([seed, epoch])
    if buffer_rows is None or len(rows) <= buffer_rows:
        yield random.permutation(rows)
        return
    chunks = random.permutation(-(-len(rows) // _CHUNK))
    held = max(1, buffer_rows // _CHUNK)
    for start in range(0, len(chunks), held):
        piece = np.concatenate([rows[chunk * _CHUNK : (chunk + 1) * _CHUNK] for chunk in chunks[start : start + held]])
        yield random.permutation(piece)


class Feed:
    """Batches of centred and scaled rows."""

    def __init__(
        self, vectors: Vectors, rows: Numbers, *, scaling: Scaling, seed: int, buffer_rows: int = BUFFER_ROWS
    ) -> None:
        """Bind; nothing is read.

        Args:
            vectors: Raw hidden states.
            rows: Rows to train on, int64 ascending.
            scaling: Centre and scale.
            seed: Of the order.
            buffer_rows: How many rows of a harvest on disk are held; more where a batch is larger.
        """
        self._vectors, self._rows, self._scaling, self._seed = vectors, rows, scaling, seed
        self._buffer_rows = buffer_rows if isinstance(vectors, OnDisk) else None
        self._held = np.empty(0, np.int64)  # rows in the buffer, ascending
        self._buffer = torch.empty(0)
        self._given = torch.empty(0, vectors.shape[1])

    def batches(self, plan: TrainingPlan, first: int = 0) -> Iterator[torch.Tensor]:
        """Batches of the steps from `first` on; rows left over at the end of a piece wait for another epoch.

        Args:
            plan: Resolved settings.
            first: Steps already done.

        Yields:
            float32 [batch_rows, d], contiguous, `plan.steps - first` times; where several processes train together
            (`samedream.sae.distributed`), this one's share of it. The next batch overwrites it.

        Raises:
            CorruptArtifactError: A shard is damaged.
            TrainingError: batch_rows is no multiple of the number of processes.
        """
        step, epoch, size = 0, 0, plan.batch_rows
        ranks, buffer_rows = current_ranks(), self._buffer_rows
        if buffer_rows is not None:  # a piece holds a whole batch, also one with the last, shorter chunk in it
            buffer_rows = max(buffer_rows, (size // _CHUNK + 2) * _CHUNK)
        while True:
            for order in epoch_orders(self._rows, epoch, seed=self._seed, buffer_rows=buffer_rows):
                count = min(len(order) // size, plan.steps - step)
                if step + count > first:
                    places = self._load(order)
                    for start in range(max(0, first - step) * size, count * size, size):
                        mine = places[start : start + size]
                        yield self._batch(mine if ranks is None else ranks.share(mine))
                step += count
                if step == plan.steps:
                    return
            epoch += 1

    def _load(self, piece: Numbers) -> torch.Tensor:
        """Hold the rows of a piece; return where each of them is."""
        if not isinstance(self._vectors, OnDisk):
            return torch.from_numpy(piece)
        wanted = np.sort(piece)
        if not np.array_equal(wanted, self._held):
            self._held, self._buffer = wanted, torch.empty(0)  # the old buffer goes before the new one comes
            self._buffer = self._vectors.read(torch.from_numpy(wanted))
        return torch.from_numpy(np.searchsorted(wanted, piece))

    def _batch(self, places: torch.Tensor) -> torch.Tensor:
        """Centred and scaled rows, some at a time: the batch is all the memory it takes."""
        if len(self._given) != len(places):
            self._given = torch.empty(len(places), self._vectors.shape[1])
        for start in range(0, len(places), _ROWS):
            some = slice(start, start + _ROWS)
            self._scaling.apply(self._take(places[some]), out=self._given[some])
        return self._given

    def _take(self, places: torch.Tensor) -> torch.Tensor:
        return self._buffer[places].float() if isinstance(self._vectors, OnDisk) else self._vectors[places]
