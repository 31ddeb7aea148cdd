"""A feature's activity as a sum of a few features: greedy non-negative least squares from correlations alone.

Orthogonal matching pursuit with coefficients of at least 0 (Bruckstein, Elad & Zibulevsky 2008) on standardised
activity: at each step the candidate most correlated with what is left joins, and all coefficients are fitted again.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.correlation import Side, panels
from samedream.comparison.products import compiled

PARTS = 8  # at most so many features explain one (protocol 3.3)
_SWEEPS = 30  # of coordinate descent after each step; more change no digit that is shown

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """Few features of the other side that explain each feature on one half.

    Attributes:
        part: Places of the parts among the feature's candidates, in the order of choice, int64 ``[features, parts]``.
        weight: Coefficient of each, of standardised activity, float64 ``[features, parts]``; 0 for a part that is none.
        with_rest: Correlation of each with what was left when it was chosen, float64 ``[features, parts]``.
    """

    part: Index
    weight: Floats
    with_rest: Floats


def fit(r: Floats32, among: Floats32, least: Floats) -> Fit:
    """Explain every feature by at most 8 of its candidates.

    Args:
        r: Correlation of each feature with its candidates, float32 ``[features, n]``.
        among: Correlation of the candidates among each other, float32 ``[features, n, n]``.
        least: A candidate joins only if its correlation with what is left is above this, float64 ``[features]``.
    """
    row = np.arange(len(r))
    part = np.zeros((len(r), min(PARTS, r.shape[1])), dtype=np.int64)
    weight, with_rest = np.zeros(part.shape), np.zeros(part.shape)
    rest, square = r.astype(np.float64), np.zeros(len(r))
    joins = np.ones(len(r), dtype=np.bool_)
    for step in range(part.shape[1]):
        part[:, step] = rest.argmax(axis=1)
        with_rest[:, step] = rest[row, part[:, step]] / np.sqrt(np.maximum(1 - square, 1e-12))
        joins &= with_rest[:, step] > least
        now = part[:, : step + 1]
        inside = among[row[:, None, None], now[:, :, None], now[:, None, :]].astype(np.float64)
        with_now = r[row[:, None], now].astype(np.float64)
        with_it = _non_negative(with_now, inside, weight[:, : step + 1])
        weight[:, : step + 1] = np.where(joins[:, None], with_it, weight[:, : step + 1])
        rest = r - np.einsum("ikn,ik->in", among[row[:, None], now], weight[:, : step + 1])
        np.put_along_axis(rest, now, -np.inf, axis=1)
        square = explained(weight[:, : step + 1], with_now, inside)
    return Fit(part=part, weight=weight, with_rest=with_rest)


def _non_negative(r: Floats, among: Floats, weight: Floats) -> Floats:
    """Non-negative least squares by coordinate descent, from `weight` on; all features at once."""
    weight = weight.copy()
    for _ in range(_SWEEPS):
        for k in range(weight.shape[1]):
            rest = np.einsum("ik,ik->i", among[:, k], weight) - weight[:, k]
            weight[:, k] = np.maximum(0.0, r[:, k] - rest)
    return weight


def explained(weight: Floats, r: Floats, among: Floats) -> Floats:
    """``R^2 = 2 w.r - w'Rw`` of standardised activity, ``[features]``; below 0 where the weights do harm.

    Args:
        weight: Of each part ``[features, parts]``.
        r: Correlation of each feature with its parts ``[features, parts]``.
        among: Of the parts among each other ``[features, parts, parts]``.
    """
    square: Floats = 2 * np.einsum("ik,ik->i", weight, r) - np.einsum("ik,ikl,il->i", weight, among, weight)
    return square


@compiled
def _gather(panel: Floats32, start: int, features: Index, out: Floats32) -> None:
    for group in numba.prange(len(features)):
        for one in range(features.shape[1]):
            row = features[group, one] - start
            if 0 <= row < len(panel):
                for other in range(features.shape[1]):
                    out[group, one, other] = panel[row, features[group, other]]
                out[group, one, one] = np.float32(1)


def among(side: Side, wanted: tuple[Index, ...]) -> list[Floats32]:
    """Correlations of few features among each other, for many such groups of them, in one pass over all pairs.

    Args:
        side: The side of these features.
        wanted: Arrays of groups, each int64 ``[groups, n]``.

    Returns:
        For each array float32 ``[groups, n, n]``.
    """
    found = [np.empty((*features.shape, features.shape[1]), dtype=np.float32) for features in wanted]
    for chosen, r in panels(side, side):
        for features, result in zip(wanted, found, strict=True):
            _gather(r, chosen.start, features, result)
    return found
