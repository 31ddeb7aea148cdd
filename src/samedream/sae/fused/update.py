"""One pass over the features: gradients, projection, Adam, unit norm, and the encoder's integers.

Each feature's rows are touched once, by one thread: no scatter, no races, and the same bits whatever the number of
threads.
"""

import numba
import numpy as np
import numpy.typing as npt

from samedream.sae.fused.kernel import kernel, parallel_kernel
from samedream.sae.fused.product import FEATURE_NORM, pack
from samedream.sae.fused.sums import add_rows

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]
Weights = tuple[Floats, Floats, Floats]
_FIRST, _SECOND, _EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


@kernel
def adam(weights: Floats, gradient: Floats, first: Floats, second: Floats, rates: tuple[float, float]) -> None:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980) on one row.

    Args:
        weights: float32 [n], changed in place.
        gradient: float32 [n].
        first: Mean of gradients, float32 [n], changed in place.
        second: Mean of their squares, float32 [n], changed in place.
        rates: Learning rate over the bias correction of `first`; 1 over the bias correction of `second`.
    """
    rate, correction = rates
    for j in range(len(weights)):
        m = _FIRST * first[j] + (np.float32(1) - _FIRST) * gradient[j]
        v = _SECOND * second[j] + (np.float32(1) - _SECOND) * gradient[j] * gradient[j]
        first[j], second[j] = m, v
        weights[j] -= rate * m / (np.sqrt(v * correction) + _EPSILON)


@kernel
def _begin(sums: Floats, aux: Floats, place: int) -> None:
    """Start from what AuxK adds, or from 0 where `place` is -1."""
    for j in range(len(sums)):
        sums[j] = aux[place, j] if place >= 0 else np.float32(0)


@kernel
def _project(gradient: Floats, direction: Floats) -> None:
    """Take the part along the direction out: it changes the norm only, which is set back to 1."""
    along = np.float32(0)
    for j in range(len(gradient)):
        along += gradient[j] * direction[j]
    for j in range(len(gradient)):
        gradient[j] -= along * direction[j]


@kernel
def _normalise(direction: Floats) -> np.float32:
    squares = np.float32(0)
    for j in range(len(direction)):
        squares += direction[j] * direction[j]
    factor = np.float32(1) / np.sqrt(squares)
    for j in range(len(direction)):
        direction[j] *= factor
    return squares


@kernel
def _adam_bias(biases: Floats, place: int, gradient: float, moments: Floats, rates: tuple[float, float]) -> None:
    """`adam` on one bias; moments float32 [2, features]."""
    m = _FIRST * moments[0, place] + (np.float32(1) - _FIRST) * gradient
    v = _SECOND * moments[1, place] + (np.float32(1) - _SECOND) * gradient * gradient
    moments[0, place], moments[1, place] = m, v
    biases[place] -= rates[0] * m / (np.sqrt(v * rates[1]) + _EPSILON)


@kernel
def _weigh(
    order: Counts, active: tuple[Floats, Floats], step: float, from_value: Floats, from_slope: Floats
) -> np.float32:
    """What a feature's entries weigh in the decoder's and the encoder's gradient; returns the bias's gradient."""
    total = np.float32(0)
    for i in range(len(order)):
        from_value[i] = step * active[0][order[i]]
        from_slope[i] = active[1][order[i]]
        total += from_slope[i]
    return total


@kernel
def _learn(
    panel: int, entries: tuple[Counts, Counts, Counts], active: tuple[Floats, Floats], batch: tuple[Floats, Floats],
    nested: Counts, weights: Weights, moments: Weights, aux_place: Counts, aux: Weights, rates: tuple[float, float],
    packed: npt.NDArray[np.int16], units: Floats, norms: Floats,
) -> None:  # fmt: skip
    """`update` for the features of one panel."""
    encoder, biases, decoder = weights
    (features, d), lanes = encoder.shape, packed.shape[2]
    count = len(batch[0])
    to_encoder, to_decoder = np.empty(d, np.float32), np.empty(d, np.float32)
    from_value, from_slope = np.empty(count, np.float32), np.empty(count, np.float32)
    group = 0
    for f in range(panel * lanes, min((panel + 1) * lanes, features)):
        while f >= nested[group]:
            group += 1
        start, end = entries[0][f], entries[0][f + 1]
        to_bias = _weigh(entries[1][start:end], active, np.float32(2) / np.float32(count), from_value, from_slope)
        _begin(to_encoder, aux[0], aux_place[f])
        _begin(to_decoder, aux[2], aux_place[f])
        add_rows(to_encoder, batch[0], entries[2][start:end], from_slope)
        add_rows(to_decoder, batch[1][group], entries[2][start:end], from_value)
        if aux_place[f] >= 0:
            to_bias += aux[1][aux_place[f]]
        _project(to_decoder, decoder[f])
        adam(encoder[f], to_encoder, moments[0][0, f], moments[0][1, f], rates)
        adam(decoder[f], to_decoder, moments[2][0, f], moments[2][1, f], rates)
        _adam_bias(biases, f, to_bias, moments[1], rates)
        norms[f] = _normalise(decoder[f])
        if len(packed):
            units[f] = pack(encoder[f], FEATURE_NORM, packed[panel], f % lanes)


@parallel_kernel
def update(
    entries: tuple[Counts, Counts, Counts], active: tuple[Floats, Floats], batch: tuple[Floats, Floats], nested: Counts,
    weights: Weights, moments: Weights, aux_place: Counts, aux: Weights, rates: tuple[float, float],
    packed: npt.NDArray[np.int16], units: Floats, norms: Floats,
) -> None:  # fmt: skip
    """Learn: every feature from its own entries.

    Args:
        entries: Where each feature's entries begin, int32 [features + 1]; their places in the row-major set, and their
            rows, int32 [active].
        active: Activations and their gradients in row-major order, float32 [active].
        batch: Rows, float32 [rows, d]; `sums.decode_and_slope`'s slopes, float32 [G, rows, d].
        nested: Ends of the nested dictionaries, int32 [G].
        weights: Encoder [features, d], its biases [features], decoder [features, d]; changed in place.
        moments: Adam's, [2, ...] of each; changed in place.
        aux_place: Place of each feature among those AuxK pulls, or -1, int32 [features].
        aux: AuxK's gradients [pulled, ...] of each.
        rates: `adam`'s rate and correction.
        packed: The encoder as integers (`product.Product`), rewritten; empty where it is not kept.
        units: What they are worth, rewritten.
        norms: Out, float32 [features]: squared norm of the decoder's rows before they are set back to 1.
    """
    for panel in numba.prange(-(-len(weights[1]) // packed.shape[2])):  # a panel of integers is one thread's
        _learn(
            panel, entries, active, batch, nested, weights, moments, aux_place, aux, rates, packed, units, norms
        )  # fmt: skip
