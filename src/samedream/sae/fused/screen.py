"""The encoder's product where only the largest are wanted: 8-bit integers say which may be, float32 what they are.

`vpdpbusd` (AVX512 VNNI) does twice the products of an instruction on 16 bits. Rows are rounded to 127 steps either
way, features too; what the rounding can have changed is added to every sum before it is compared with a bound, and
what passes is multiplied again in float32. So which features are active, and how strongly, does not depend on the
integers. Columns are scaled first, rows down and features up, so that the few columns that are large in every hidden
state do not take all of the steps (SmoothQuant, Xiao et al. 2023, arXiv:2211.10438).
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from samedream.sae.fused.kernel import kernel, parallel_kernel
from samedream.sae.fused.vectors import FEATURES, ROWS, UNROLLED, WIDE, lowest_bit, screen_tile

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]
_STEPS, _MIDDLE = np.float32(127), np.float32(128)  # features become unsigned: the instruction wants one of each
# An even error of one step has a deviation of 1 / sqrt(12). Errors of rows and of features are added, not their
# squares: five deviations where one of them rules, seven where they are as large.
_MARGIN = np.float32(5 / np.sqrt(12))
_SHARE = 5  # row panels that use a feature panel while it is in the cache
_SPARSE = 32  # features for each active one; with fewer, multiplying again costs what the integers save
_LONGEST = 2**15  # columns whose sums fit into 32 bits (32,768 * 255 * 127 < 2^31)
_TINY = np.float32(1e-30)
_SAMPLE, _NUMBERS = 16, 2**20  # every 16th row, and no more than so many pre-activations (8 MB if all are candidates)


def pays(k: int, features: int, d: int) -> bool:
    """Whether a screen is faster than the whole product, on this processor, with k of the features active."""
    return WIDE and _SPARSE * k <= features and d <= _LONGEST


@kernel
def _round(
    vector: Floats, factors: Floats, scaled: Floats, rounded: Any, middle: float
) -> tuple[np.float32, np.float32, np.float32]:
    """Scale columns and round; returns what a step is worth, the norm and the sum of the integers."""
    squares = np.float32(0)
    for j in range(len(vector)):
        scaled[j] = vector[j] * factors[j]
        squares += scaled[j] * scaled[j]
    bits, most = scaled.view(np.int32), np.int32(0)
    for j in range(len(vector)):  # floats above 0 order as their bits do, and a maximum of integers is a vector's
        most = max(most, bits[j] & np.int32(0x7FFFFFFF))
    largest = max(np.array([most], np.int32).view(np.float32)[0], _TINY)
    factor, total = _STEPS / largest, np.float32(0)
    for j in range(len(vector)):  # as floats: numba adds int32 as int64
        value = np.rint(scaled[j] * factor)
        rounded[j] = np.int32(value + middle)
        total += value
    return largest / _STEPS, np.sqrt(squares), total


@parallel_kernel
def _pack_rows(rows: Floats, factors: Floats, packed: Counts, known: Floats) -> None:
    for panel in numba.prange(len(packed)):
        rounded, scaled = np.zeros(4 * packed.shape[1], np.int8), np.empty(rows.shape[1], np.float32)
        fours = rounded.view(np.int32)
        for row in range(panel * ROWS, min((panel + 1) * ROWS, len(rows))):
            unit, norm, total = _round(rows[row], factors, scaled, rounded, np.float32(0))
            for i in range(len(fours)):
                packed[panel, i, row - panel * ROWS] = fours[i]
            known[row, 0], known[row, 2] = unit, _MARGIN * unit
            known[row, 1] = _MARGIN * norm - _MIDDLE * total * unit


@parallel_kernel
def _pack_features(
    encoder: Floats, biases: Floats, factors: Floats, bound: float, packed: Counts, known: Floats
) -> None:
    for panel in numba.prange(len(packed)):
        rounded, scaled = np.zeros(4 * packed.shape[1], np.uint8), np.empty(encoder.shape[1], np.float32)
        fours = rounded.view(np.int32)
        for f in range(panel * FEATURES, min((panel + 1) * FEATURES, len(encoder))):
            lane = f - panel * FEATURES
            unit, norm, _ = _round(encoder[f], factors, scaled, rounded, _MIDDLE)
            for i in range(len(fours)):
                packed[panel, i, lane] = fours[i]
            known[panel, 0, lane], known[panel, 1, lane], known[panel, 2, lane] = unit, norm, bound - biases[f]


@parallel_kernel
def _look(rows: Counts, of_rows: Floats, features: Counts, of_features: Floats, masks: npt.NDArray[np.uint32]) -> None:
    panels, fours, width = len(rows), rows.shape[1], masks.shape[1]
    groups = 2 * ((panels + 2 * _SHARE - 1) // (2 * _SHARE))  # an even number: as much work for either of two threads
    for group in numba.prange(groups):
        for q in range(len(features)):
            for p in range(group * panels // groups, (group + 1) * panels // groups):
                screen_tile(rows, of_rows, p, features, of_features, q, masks, fours, width)


@parallel_kernel
def _count(masks: npt.NDArray[np.int64], counts: Counts) -> None:
    for row in numba.prange(len(counts)):
        counts[row] = 0
        for word in range(masks.shape[1]):
            mask = masks[row, word]
            while mask:
                counts[row] += 1
                mask &= mask - 1


@kernel
def _multiply(row: Floats, encoder: Floats, biases: Floats, features: Counts, values: Floats) -> None:
    """Pre-activations of some features, four at a time.

    Always four, the last one again where there are fewer: a value must not depend on which others are asked for.
    """
    last = len(features) - 1
    for at in range(0, len(features), 4):
        at_b, at_c, at_d = min(at + 1, last), min(at + 2, last), min(at + 3, last)
        a, b, c, d = encoder[features[at]], encoder[features[at_b]], encoder[features[at_c]], encoder[features[at_d]]
        p = q = r = s = np.float32(0)
        for j in range(len(row)):
            p += row[j] * a[j]
            q += row[j] * b[j]
            r += row[j] * c[j]
            s += row[j] * d[j]
        values[at], values[at_b], values[at_c], values[at_d] = p, q, r, s
    for i in range(len(features)):
        values[i] += biases[features[i]]


@parallel_kernel
def _collect(
    masks: npt.NDArray[np.int64], starts: Counts, rows: Floats, encoder: Floats, biases: Floats, features: Counts,
    values: Floats,
) -> None:  # fmt: skip
    for row in numba.prange(len(rows)):
        at = starts[row]
        for word in range(masks.shape[1]):
            mask = masks[row, word]
            while mask:
                features[at] = 64 * word + lowest_bit(mask)
                mask &= mask - 1
                at += 1
        here = slice(starts[row], at)
        _multiply(rows[row], encoder, biases, features[here], values[here])


class Screen:
    """Finds the pre-activations of a batch that lie above a bound, without computing the others exactly."""

    def __init__(self, encoder: Floats, biases: Floats) -> None:
        """Hold on to the weights, float32 [features, d] and [features]; they are read at every call."""
        self._encoder, self._biases = encoder, biases
        features, d = encoder.shape
        panels = 2 * -(-features // (2 * FEATURES))  # 64 features a word
        fours = -(-d // (4 * UNROLLED)) * UNROLLED
        self._packed = np.zeros((panels, fours, FEATURES), np.int32)
        self._known = np.zeros((panels, 3, FEATURES), np.float32)
        self._known[:, 2] = np.inf  # what only fills a panel up passes no bound
        self._rows = np.zeros((0, fours, ROWS), np.int32)
        self._of_rows = np.zeros((0, 3), np.float32)
        self._masks = np.zeros((0, panels), np.uint32)
        self._factors: tuple[Floats, Floats] | None = None

    def __call__(self, rows: Floats, bound: np.float32) -> tuple[Counts, Counts, Floats]:
        """Candidates.

        Args:
            rows: The batch, float32 [rows, d].
            bound: At least 0.

        Returns:
            How many there are in each row, int32 [rows]; their features, ascending within a row, int32 [candidates];
            their pre-activations, float32 [candidates]. All above the bound are among them, and some below it.
        """
        factors = self._columns(rows)
        panels = -(-len(rows) // ROWS)
        if len(self._rows) < panels:
            self._rows = np.zeros((panels, *self._rows.shape[1:]), np.int32)
            self._of_rows = np.zeros((panels * ROWS, 3), np.float32)
            self._masks = np.zeros((panels * ROWS, self._masks.shape[1]), np.uint32)
        packed = self._rows[:panels]
        _pack_rows(rows, factors[0], packed, self._of_rows)
        _pack_features(self._encoder, self._biases, factors[1], bound, self._packed, self._known)
        with numba.parallel_chunksize(1):  # a thread takes the next piece when it is done
            _look(packed, self._of_rows, self._packed, self._known, self._masks)
        masks, counts = self._masks.view(np.int64), np.empty(len(rows), np.int32)
        _count(masks, counts)
        starts = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(counts, out=starts[1:])
        features, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
        with numba.parallel_chunksize(64):
            _collect(masks, starts, rows, self._encoder, self._biases, features, values)
        return counts, features, values

    def guess(self, rows: Floats, k: int) -> np.float32:
        """A bound that about 2 k features a row lie above, from some of the rows; 0 where fewer are above 0.

        Args:
            rows: The batch, float32 [rows, d].
            k: Features a row that are wanted.
        """
        self._columns(rows)  # those of the whole batch
        sample = np.ascontiguousarray(rows[:: max(_SAMPLE, rows.shape[0] * len(self._encoder) // _NUMBERS)])
        values, want = self(sample, np.float32(0))[2], 2 * k * len(sample)
        if len(values) <= want:
            return np.float32(0)
        return np.float32(max(np.partition(values, len(values) - want)[len(values) - want], 0))

    def _columns(self, rows: Floats) -> tuple[Floats, Floats]:
        """Factors of the columns of rows, and of features: of equal size on both sides, from the first batch."""
        if self._factors is not None:
            return self._factors
        sizes = [np.sqrt(np.einsum("ij,ij->j", matrix, matrix) / len(matrix)) for matrix in (rows, self._encoder)]
        here, there = (np.maximum(size, np.float32(1e-3) * size.mean() + _TINY).astype(np.float32) for size in sizes)
        factors = np.sqrt(there / here)
        self._factors = factors, 1 / factors
        return self._factors
