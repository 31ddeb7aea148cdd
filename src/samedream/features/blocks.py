"""Rows of the shards, regrouped into blocks of whole passages.

Where a block ends depends on the rows alone, never on how they were cut into shards: the same vectors give the same
matrix products to the last bit, whatever the sharding.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samedream.errors import CorruptArtifactError


class Rows(Protocol):
    """Vectors with their place in the text: what a shard of an activation store offers."""

    @property
    def vectors(self) -> Tensor:
        """Hidden states, float32 [rows, d]."""

    @property
    def passage(self) -> NDArray[np.int64]:
        """Index of each row's passage in the corpus, ascending, [rows]."""

    @property
    def start(self) -> NDArray[np.int32]:
        """First character of each row's token, [rows]."""

    @property
    def end(self) -> NDArray[np.int32]:
        """Character after each row's token, [rows]."""


@dataclass(frozen=True)
class Block:
    """Some whole passages: vectors float32 [rows, d], passage int64, start and end int32 [rows]."""

    vectors: Tensor
    passage: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]

    def part(self, first: int, last: int | None) -> "Block":
        """Rows `first` to `last`, without copying."""
        cut = slice(first, last)
        return Block(self.vectors[cut], self.passage[cut], self.start[cut], self.end[cut])


def whole_passages(shards: Iterable[Rows], rows: int) -> Iterator[Block]:
    """Regroup shards into blocks of whole passages of at most `rows` rows; a longer passage is a block of its own.

    Raises:
        CorruptArtifactError: The passages do not come in corpus order, or a vector is not finite.
    """
    held: Block | None = None
    for shard in shards:
        if not len(shard.passage):
            continue
        _check(shard, held)
        held = _joined(held, shard)
        while cut := _cut(held.passage, rows):
            yield held.part(0, cut)
            held = held.part(cut, None)
    while held is not None and len(held.passage):
        cut = _cut(held.passage, rows) or len(held.passage)
        yield held.part(0, cut)
        held = held.part(cut, None)


def _cut(passage: NDArray[np.int64], rows: int) -> int:
    """Rows of the next block, or 0 while rows still to come could change the answer."""
    if len(passage) <= rows:
        return 0
    boundaries = np.flatnonzero(np.diff(passage[: rows + 1])) + 1
    if len(boundaries):
        return int(boundaries[-1])
    boundaries = np.flatnonzero(np.diff(passage)) + 1
    return int(boundaries[0]) if len(boundaries) else 0


def _check(shard: Rows, held: Block | None) -> None:
    last = -1 if held is None or not len(held.passage) else int(held.passage[-1])
    if np.any(np.diff(shard.passage) < 0) or shard.passage[0] < last:
        raise CorruptArtifactError(
            "the shards do not hold their passages in corpus order; delete the activations directory and rerun "
            '"samedream activations DIR"'
        )
    if not bool(torch.isfinite(shard.vectors).all()):
        bad = int((~torch.isfinite(shard.vectors)).any(dim=1).sum())
        raise CorruptArtifactError(
            f"{bad} of {len(shard.passage)} vectors of a shard hold NaN or infinity; delete the activations directory "
            'and rerun "samedream activations DIR"'
        )


def _joined(held: Block | None, shard: Rows) -> Block:
    fresh = Block(shard.vectors.to(torch.float32), shard.passage, shard.start, shard.end)
    if held is None or not len(held.passage):
        return fresh
    return Block(
        torch.cat([held.vectors, fresh.vectors]),
        np.concatenate([held.passage, fresh.passage]),
        np.concatenate([held.start, fresh.start]),
        np.concatenate([held.end, fresh.end]),
    )
