"""Choosing the largest pre-activations, exactly, without sorting them: they are counted first, then written.

Sixteen values are compared at once with a bound below which nothing can be chosen; only what lies above is looked at
one by one. Ties at the border go to the lowest position, as in `samedream.sae.selection`, the plain path's choice.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

from samedream.sae.fused.kernel import kernel, parallel_kernel
from samedream.sae.fused.screen import Screen
from samedream.sae.fused.vectors import above, lowest_bit

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]
Candidates = tuple[Counts, Counts, Floats]
_SAMPLE = 16  # every 16th row
_SLACK = np.float32(0.9)  # of the last border: the next batch's border is seldom below
_LOWER = np.float32(0.75)  # a screen's bound that was too high is lowered by this, then by its square, and so on
_LEAST = np.float32(1e-45)  # the least float32 above 0


@kernel
def _count_row(pre: Floats, row: int, bound: float) -> int:
    """How many values of a row lie above a bound."""
    width, found = pre.shape[1], 0
    start = row * (pre.strides[0] // 4)
    for at in range(0, width - 15, 16):
        mask = above(pre, start + at, bound)
        while mask:
            found += 1
            mask &= mask - 1
    for f in range(width - width % 16, width):
        found += pre[row, f] > bound
    return found


@kernel
def _collect_row(pre: Floats, row: int, border: float, ties: int, features: Counts, values: Floats) -> None:
    """Write what lies above a border, and the first `ties` on it, in the order of features."""
    width, found = pre.shape[1], 0
    start = row * (pre.strides[0] // 4)
    below = np.nextafter(border, np.float32(0)) if ties else border
    for at in range(0, width, 16):
        mask = above(pre, start + at, below) if at + 16 <= width else np.int64((1 << (width - at)) - 1)
        while mask:
            f = at + lowest_bit(mask)
            mask &= mask - 1
            value = pre[row, f]
            if value > border or (value == border and ties > 0):
                ties -= value == border
                features[found] = f
                values[found] = value
                found += 1


@parallel_kernel
def _count(pre: Floats, bound: float, counts: Counts) -> None:
    for row in numba.prange(len(pre)):
        counts[row] = _count_row(pre, row, bound)


@parallel_kernel
def _collect(pre: Floats, borders: Floats, ties: Counts, starts: Counts, features: Counts, values: Floats) -> None:
    for row in numba.prange(len(pre)):
        here = slice(starts[row], starts[row + 1])
        _collect_row(pre, row, borders[row], ties[row], features[here], values[here])


@kernel
def _keep(
    border: float, ties: int, features: Counts, counts: Counts, starts: Counts, values: Floats, out: Counts
) -> None:
    """Keep what lies above the border, and the first `ties` on it; `starts` and `values` are changed in place."""
    read = kept = 0
    for row in range(len(counts)):
        starts[row] = kept
        for _ in range(counts[row]):
            value = values[read]
            read += 1
            if value > border or (value == border and ties > 0):
                ties -= value == border
                values[kept] = value
                out[kept] = features[read - 1]
                kept += 1
    starts[len(counts)] = kept


@kernel
def _choose_row(pre: Floats, row: int, k: int, largest: Floats) -> np.float32:
    """The k-th largest positive value of a row (the least float above 0 where fewer are positive)."""
    width = pre.shape[1]
    start = row * (pre.strides[0] // 4)
    filled, place, bound = 0, 0, np.float32(0)
    for at in range(0, width, 16):
        if at + 16 <= width:
            mask = above(pre, start + at, bound)
        else:
            mask = np.int64((1 << (width - at)) - 1)
        while mask:
            value = pre[row, at + lowest_bit(mask)]
            mask &= mask - 1
            if value <= bound:
                continue
            if filled < k:
                largest[filled] = value
                filled += 1
            else:
                largest[place] = value
            if filled == k:
                place, bound = 0, largest[0]
                for i in range(1, k):
                    if largest[i] < bound:
                        place, bound = i, largest[i]
    return bound if filled == k else _LEAST


@parallel_kernel
def _count_largest(pre: Floats, k: int, borders: Floats, ties: Counts, counts: Counts) -> None:
    """Per row: the least of its k largest positive values, how many of those are kept that equal it, and of all."""
    for row in numba.prange(len(pre)):
        borders[row] = _choose_row(pre, row, k, np.empty(k, np.float32))
        higher = _count_row(pre, row, borders[row])
        equal = _count_row(pre, row, np.nextafter(borders[row], np.float32(0))) - higher
        ties[row] = min(equal, k - higher)
        counts[row] = higher + ties[row]


def _guess(pre: Floats, k: int) -> np.float32:
    """A bound for the first batch, from some of its rows, with room to spare."""
    sample = pre[::_SAMPLE].ravel()
    count = min(2 * k * len(sample) // pre.shape[1] + 1, len(sample))
    return np.float32(max(np.partition(sample, len(sample) - count)[len(sample) - count], 0.0))


def _border(values: Floats, want: int) -> np.float32:
    """The least of the `want` largest values that are above 0."""
    if len(values) <= want:
        return _LEAST
    return max(np.float32(np.partition(values, len(values) - want)[len(values) - want]), _LEAST)


class Selector:
    """Chooses the active features of one batch after the other."""

    def __init__(self, rule: Literal["batch", "row"], k: int) -> None:
        """Choose k per row on average over the batch ("batch"), or in every row ("row")."""
        self._rule, self._k = rule, k
        self._bound: np.float32 | None = None  # below it the last batch had nothing to choose, with room to spare

    def __call__(self, blocks: Callable[[], Iterable[Floats]], rows: int) -> Candidates:
        """Choose from the whole product.

        Args:
            blocks: Gives the pre-activations of the batch, some rows at a time, float32 [some, features], each row
                contiguous; asked once more where the bound was too high.
            rows: Of the whole batch.

        Returns:
            Where each row begins, int32 [rows + 1]; active features, ascending within a row, int32 [active]; their
            values, float32 [active].
        """
        found = self._look(blocks(), rows, self._bound)
        if len(found[2]) < self._k * rows and self._rule == "batch":
            found = self._look(blocks(), rows, np.float32(0))
        return self._choose(*found)

    def screened(self, screen: Screen, batch: Floats) -> Candidates:
        """Choose from what a screen finds, whose values these are; for rule "batch" only.

        Args:
            screen: Of the weights.
            batch: float32 [rows, d].

        Returns:
            As above.
        """
        bound, lower = self._bound or screen.guess(batch, self._k), _LOWER
        found = screen(batch, bound)
        while bound > 0 and int((found[2] > bound).sum()) < self._k * len(batch):
            bound, lower = bound * lower, lower * lower  # 0 after nine times or so
            found = screen(batch, bound)
        return self._choose(*found)

    def _choose(self, counts: Counts, found: Counts, values: Floats) -> Candidates:
        """The largest of all candidates; the bound for the next batch."""
        rows = len(counts)
        want = self._k * rows
        starts = np.zeros(rows + 1, np.int32)
        features = np.empty(min(len(values), want), np.int32)
        border = _border(values, want)
        ties = want - int((values > border).sum())
        _keep(border, ties, found, counts, starts, values, features)
        self._bound = np.float32(border * _SLACK) if len(values) >= want else np.float32(0)
        return starts, features[: starts[-1]], values[: starts[-1]]

    def _look(self, blocks: Iterable[Floats], rows: int, bound: np.float32 | None) -> Candidates:
        """Candidates: how many in each row, which features, and their values."""
        counts, found, start = np.empty(rows, np.int32), [], 0
        for pre in blocks:
            here = counts[start : start + len(pre)]
            borders, ties = np.empty(len(pre), np.float32), np.zeros(len(pre), np.int32)
            if self._rule == "row":
                _count_largest(pre, self._k, borders, ties, here)
            else:
                bound = _guess(pre, self._k) if bound is None else bound
                borders[:] = bound
                _count(pre, bound, here)
            begins = np.zeros(len(pre) + 1, np.int32)
            np.cumsum(here, out=begins[1:])
            features, values = np.empty(begins[-1], np.int32), np.empty(begins[-1], np.float32)
            _collect(pre, borders, ties, begins, features, values)
            found.append((features, values))
            start += len(pre)
            del pre  # before the next ones are made
        features, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return counts, features, values
