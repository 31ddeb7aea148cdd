"""From hidden states to sparse firings: which feature fires in which passage, where, and how strongly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samedream.features.blocks import Block

_CELLS = 1 << 23  # floats of one dense block of activations: 32 MB


class Dictionary(Protocol):
    """What this room asks of a sparse autoencoder."""

    def pre_activations(self, x: Tensor, /) -> Tensor:
        """What the activation function is applied to, [rows, features]."""

    def activate(self, pre: Tensor, /) -> Tensor:
        """Activations ≥ 0, [rows, features]."""


@dataclass(frozen=True)
class Firings:
    """The firings of one block, sorted by passage, then feature, then row.

    An *entry* is a (passage, feature) pair that fires; it owns the firings `first[i]` to `first[i + 1]`.

    Attributes:
        passage: Corpus index of each entry's passage, int64 [entries].
        feature: Feature of each entry, int32 [entries].
        value: Maximum over the passage's tokens, float32 [entries].
        peak: Row of the block that has that maximum (the first such row), int64 [entries].
        first: Index of each entry's first firing, and the number of firings last, int64 [entries + 1].
        row: Row of the block of each firing, int64 [firings].
        activation: Activation of each firing, float32 [firings].
    """

    passage: NDArray[np.int64]
    feature: NDArray[np.int32]
    value: NDArray[np.float32]
    peak: NDArray[np.int64]
    first: NDArray[np.int64]
    row: NDArray[np.int64]
    activation: NDArray[np.float32]


@dataclass(frozen=True)
class NearMisses:
    """Passages on which a feature does not fire: int64 passage, int32 feature, float32 score, int64 row, all [n]."""

    passage: NDArray[np.int64]
    feature: NDArray[np.int32]
    score: NDArray[np.float32]
    row: NDArray[np.int64]


def block_rows(features: int) -> int:
    """Rows of a block, so that one dense block of activations stays at 32 MB whatever the dictionary's width."""
    return max(64, _CELLS // features)


@torch.no_grad()
def encode(block: Block, dictionary: Dictionary) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Activations and pre-activations of a block, both float32 [rows, features]."""
    pre = dictionary.pre_activations(block.vectors)
    activations = dictionary.activate(pre)
    return activations.to(torch.float32).numpy(), pre.to(torch.float32).numpy()


def firings(activations: NDArray[np.float32], passage: NDArray[np.int64]) -> Firings:
    """Find a block's firings (activation > 0) and each passage's maximum.

    Args:
        activations: Dense activations, float32 [rows, features].
        passage: Corpus index of each row's passage, ascending, int64 [rows].
    """
    features = activations.shape[1]
    row, feature = np.divmod(np.flatnonzero(activations > 0), features)
    _, local = np.unique(passage, return_inverse=True)
    entry_of = local[row] * features + feature
    order = np.argsort(entry_of, kind="stable")  # rows stay ascending inside an entry
    row, feature, entry_of = row[order], feature[order], entry_of[order]
    values = activations[row, feature]
    begins = np.flatnonzero(np.diff(entry_of, prepend=-1))
    first = np.append(begins, len(row)).astype(np.int64)
    if not len(row):
        nothing = np.zeros(0, np.int64)
        return Firings(nothing, nothing.astype(np.int32), values, nothing, first, row, values)
    value = np.maximum.reduceat(values, begins)
    is_peak = values == np.repeat(value, np.diff(first))
    peak = np.minimum.reduceat(np.where(is_peak, row, len(passage)), begins)
    return Firings(passage[row[begins]], feature[begins].astype(np.int32), value, peak, first, row, values)


def near_misses(
    pre: NDArray[np.float32], passage: NDArray[np.int64], *, fired: Firings, floor: NDArray[np.float64]
) -> NearMisses:
    """For the (passage, feature) pairs that do not fire, the highest pre-activation, where it reaches the floor.

    Args:
        pre: Pre-activations, float32 [rows, features].
        passage: Corpus index of each row's passage, ascending, int64 [rows].
        fired: The block's firings.
        floor: Per feature, the score below which a near miss cannot be kept any more, float64 [features].
    """
    found = list(_near_misses(pre, passage, fired, floor=floor))
    parts = [np.concatenate(column) for column in zip(*found, strict=True)]
    return NearMisses(parts[0], parts[1].astype(np.int32), parts[2], parts[3])


def _near_misses(
    pre: NDArray[np.float32], passage: NDArray[np.int64], fired: Firings, *, floor: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]]:
    corpus_index, begins = np.unique(passage, return_index=True)
    bounds = np.append(begins, len(passage))
    entry_bounds = np.searchsorted(fired.passage, np.append(corpus_index, corpus_index[-1] + 1))
    for i, index in enumerate(corpus_index):  # a loop over passages; all features at once
        rows = pre[bounds[i] : bounds[i + 1]]
        highest = rows.max(axis=0)
        highest[fired.feature[entry_bounds[i] : entry_bounds[i + 1]]] = -np.inf
        feature = np.flatnonzero((highest >= floor) & np.isfinite(highest))
        where = rows[:, feature].argmax(axis=0) + bounds[i]
        yield np.full(len(feature), index), feature, highest[feature], where
