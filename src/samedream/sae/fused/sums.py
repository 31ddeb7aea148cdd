"""Decoding and gradients of the activations, row by row; the active set turned feature-major."""

import numba
import numpy as np
import numpy.typing as npt

from samedream.sae.fused.kernel import kernel, parallel_kernel

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]


@kernel
def add_rows(sums: Floats, vectors: Floats, rows: Counts, weights: Floats) -> None:
    """Add weighted rows of `vectors`, four at a time so that the sums are read and written a quarter as often."""
    i, end = 0, len(rows)
    while i + 4 <= end:
        a, b, c, e = vectors[rows[i]], vectors[rows[i + 1]], vectors[rows[i + 2]], vectors[rows[i + 3]]
        p, q, r, s = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        for j in range(len(sums)):
            sums[j] += p * a[j] + q * b[j] + r * c[j] + s * e[j]
        i += 4
    for m in range(i, end):
        a, p = vectors[rows[m]], weights[m]
        for j in range(len(sums)):
            sums[j] += p * a[j]


@kernel
def _dot(left: Floats, right: Floats) -> np.float32:
    total = np.float32(0)
    for j in range(len(left)):
        total += left[j] * right[j]
    return total


@kernel
def _nested_errors(
    slopes: Floats, row: int, decoder: Floats, features: Counts, values: Floats, ends: tuple[int, int], nested: Counts
) -> None:
    """From the error of nothing at all in slopes[0, row], the errors of the nested dictionaries."""
    start, stop = ends
    for g in range(len(nested)):
        if g > 0:
            for j in range(slopes.shape[2]):  # a loop: an assignment of slices takes seconds to compile
                slopes[g, row, j] = slopes[g - 1, row, j]
        end = start
        while end < stop and features[end] < nested[g]:
            end += 1
        add_rows(slopes[g, row], decoder, features[start:end], values[start:end])
        start = end


@kernel
def _sums_from_the_end(slopes: Floats, row: int) -> None:
    """Each error becomes the sum of itself and all that come after, over their number."""
    groups = len(slopes)
    share = np.float32(1) / np.float32(groups)
    for g in range(groups - 1, -1, -1):
        for j in range(slopes.shape[2]):
            following = slopes[g + 1, row, j] if g + 1 < groups else np.float32(0)
            slopes[g, row, j] = share * slopes[g, row, j] + following


@kernel
def _look_at_row(
    row: int, rows: Floats, starts: Counts, features: Counts, values: Floats, decoder: Floats, bias: Floats,
    nested: Counts, slopes: Floats, value_slopes: Floats, penalty: float, squares: Floats,
) -> None:  # fmt: skip
    """`decode_and_slope` for one row."""
    groups = len(nested)
    step, pull = np.float32(2) / np.float32(len(rows)), penalty / np.float32(len(rows))
    for j in range(rows.shape[1]):
        slopes[0, row, j] = bias[j] - rows[row, j]
    _nested_errors(slopes, row, decoder, features, values, (starts[row], starts[row + 1]), nested)
    for g in range(groups):
        squares[g, row] = _dot(slopes[g, row], slopes[g, row])
    if groups > 1:
        _sums_from_the_end(slopes, row)
    g = 0
    for i in range(starts[row], starts[row + 1]):
        while features[i] >= nested[g]:
            g += 1
        value_slopes[i] = step * _dot(slopes[g, row], decoder[features[i]]) + pull


@parallel_kernel
def decode_and_slope(
    rows: Floats, starts: Counts, features: Counts, values: Floats, decoder: Floats, bias: Floats, nested: Counts,
    slopes: Floats, value_slopes: Floats, penalty: float, squares: Floats,
) -> None:  # fmt: skip
    """Errors of the reconstructions, and the gradients of the activations.

    With nested dictionaries (ends n_1 < ... < n_G) the errors e_g are those of the first n_g features; a feature
    between n_(g-1) and n_g is part of the reconstructions g, ..., G, so its gradients use the sum of their errors.

    Args:
        rows: float32 [rows, d].
        starts: Where each row's active features begin, int32 [rows + 1].
        features: int32 [active], ascending within a row.
        values: float32 [active].
        decoder: float32 [features, d].
        bias: float32 [d].
        nested: Ends of the nested dictionaries, int32 [G].
        slopes: Out, float32 [G, rows, d]: (e_g + ... + e_G) / G.
        value_slopes: Out, float32 [active]: 2 / rows * slope . direction, plus `penalty` / rows.
        penalty: d times the L1 weight.
        squares: Out, float32 [G, rows]: squared errors of the nested dictionaries.
    """
    for row in numba.prange(len(rows)):
        _look_at_row(
            row, rows, starts, features, values, decoder, bias, nested, slopes, value_slopes, penalty, squares
        )  # fmt: skip


@kernel
def by_feature(starts: Counts, features: Counts, width: int, order: Counts, rows: Counts, begins: Counts) -> None:
    """Sort an active set by feature (a counting sort, rows ascending within a feature).

    Args:
        starts: Where each row begins, int32 [rows + 1].
        features: int32 [active].
        width: Number of features.
        order: Out, int32 [active]: positions in the row-major set.
        rows: Out, int32 [active]: the row of each.
        begins: Out, int32 [width + 1]: where each feature begins.
    """
    begins[:] = 0
    for i in range(len(features)):
        begins[features[i] + 1] += 1
    for f in range(width):
        begins[f + 1] += begins[f]
    for row in range(len(starts) - 1):
        for i in range(starts[row], starts[row + 1]):
            place = begins[features[i]]
            order[place] = i
            rows[place] = row
            begins[features[i]] = place + 1
    for f in range(width, 0, -1):
        begins[f] = begins[f - 1]
    begins[0] = 0
