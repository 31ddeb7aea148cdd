"""Choosing the largest pre-activations, exactly, in one pass over them.

Sixteen values are compared at once with a bound below which nothing can be chosen; only what lies above is looked at
one by one. Ties at the border go to the lowest position, as in `samedream.sae.selection`, the plain path's choice.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

from samedream.sae.fused.kernel import kernel, parallel_kernel
from samedream.sae.fused.vectors import above, lowest_bit

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]
_SAMPLE = 16  # every 16th row
_SLACK = np.float32(0.9)  # of the last border: the next batch's border is seldom below
_LEAST = np.float32(1e-45)  # the least float32 above 0


@kernel
def _collect_row(pre: Floats, row: int, bound: float, out: Counts) -> int:
    """Write the features of a row above a bound, ascending; return how many there are."""
    width, found = pre.shape[1], 0
    start = row * (pre.strides[0] // 4)
    for at in range(0, width - 15, 16):
        mask = above(pre, start + at, bound)
        while mask:
            out[found] = at + lowest_bit(mask)
            found += 1
            mask &= mask - 1
    for f in range(width - width % 16, width):
        if pre[row, f] > bound:
            out[found] = f
            found += 1
    return found


@parallel_kernel
def _collect(pre: Floats, bound: float, features: Counts, counts: Counts) -> None:
    for row in numba.prange(len(pre)):
        counts[row] = _collect_row(pre, row, bound, features[row])


@parallel_kernel
def _gather(pre: Floats, features: Counts, counts: Counts, starts: Counts, values: Floats) -> None:
    for row in numba.prange(len(pre)):
        for i in range(counts[row]):
            values[starts[row] + i] = pre[row, features[row, i]]


@kernel
def _keep(
    border: float, ties: int, features: Counts, counts: Counts, starts: Counts, values: Floats, out: Counts
) -> None:
    """Keep what lies above the border, and the first `ties` on it; `starts` and `values` are changed in place."""
    read = kept = 0
    for row in range(len(counts)):
        starts[row] = kept
        for i in range(counts[row]):
            value = values[read]
            read += 1
            if value > border or (value == border and ties > 0):
                ties -= value == border
                values[kept] = value
                out[kept] = features[row, i]
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
def _collect_largest(pre: Floats, k: int, features: Counts, counts: Counts) -> None:
    """Per row: write the features of its k largest positive values, ascending."""
    for row in numba.prange(len(pre)):
        border = _choose_row(pre, row, k, np.empty(k, np.float32))
        found = _collect_row(pre, row, np.nextafter(border, np.float32(0)), features[row])
        if found > k:  # ties at the border: the first ones stay
            above_border = 0
            for i in range(found):
                above_border += pre[row, features[row, i]] > border
            ties, kept = k - above_border, 0
            for i in range(found):
                value = pre[row, features[row, i]]
                if value > border or ties > 0:
                    ties -= value == border
                    features[row, kept] = features[row, i]
                    kept += 1
            found = kept
        counts[row] = found


def _guess(pre: Floats, k: int) -> np.float32:
    """A bound for the first batch, from some of its rows, with room to spare."""
    sample = pre[::_SAMPLE].ravel()
    count = min(2 * k * len(sample) // pre.shape[1] + 1, len(sample))
    return np.float32(max(np.partition(sample, len(sample) - count)[len(sample) - count], 0.0))


class Selector:
    """Chooses the active features of one batch after the other."""

    def __init__(self, rule: Literal["batch", "row"], k: int) -> None:
        """Choose k per row on average over the batch ("batch"), or in every row ("row")."""
        self._rule, self._k = rule, k
        self._bound: np.float32 | None = None  # below it the last batch had nothing to choose, with room to spare
        self._features = np.empty((0, 0), np.int32)

    def __call__(self, blocks: Callable[[], Iterable[Floats]], rows: int, width: int) -> tuple[Counts, Counts, Floats]:
        """Choose.

        Args:
            blocks: Gives the pre-activations of the batch, some rows at a time, float32 [some, width], each row
                contiguous; asked once more where the bound was too high.
            rows: Of the whole batch.
            width: Number of features.

        Returns:
            Where each row begins, int32 [rows + 1]; active features, ascending within a row, int32 [active]; their
            values, float32 [active].
        """
        if self._features.shape != (rows, width):
            self._features = np.empty((rows, width), np.int32)
        want = self._k * rows
        counts, values = self._look(blocks(), rows, self._bound)
        if len(values) < want and self._rule == "batch":
            counts, values = self._look(blocks(), rows, np.float32(0))
        starts = np.zeros(rows + 1, np.int32)
        features = np.empty(min(len(values), want), np.int32)
        border = _LEAST
        if len(values) > want:
            border = np.partition(values, len(values) - want)[len(values) - want]
        ties = want - int((values > border).sum())
        _keep(border, ties, self._features, counts, starts, values, features)
        self._bound = np.float32(border * _SLACK) if len(values) >= want else np.float32(0)
        return starts, features, values[: len(features)]

    def _look(self, blocks: Iterable[Floats], rows: int, bound: np.float32 | None) -> tuple[Counts, Floats]:
        """Candidates: how many in each row (which, is in `_features`), and the values of all."""
        counts, found, start = np.empty(rows, np.int32), [], 0
        for pre in blocks:
            here = slice(start, start + len(pre))
            if self._rule == "row":
                _collect_largest(pre, self._k, self._features[here], counts[here])
            else:
                bound = _guess(pre, self._k) if bound is None else bound
                _collect(pre, bound, self._features[here], counts[here])
            begins = np.zeros(len(pre) + 1, np.int32)
            np.cumsum(counts[here], out=begins[1:])
            values = np.empty(begins[-1], np.float32)
            _gather(pre, self._features[here], counts[here], begins, values)
            found.append(values)
            start += len(pre)
        return counts, found[0] if len(found) == 1 else np.concatenate(found)
