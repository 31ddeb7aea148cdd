"""Carries one model's decoder directions into the other's space: does a feature point where its partner points?

The linear map between the models is fitted on the mean hidden states of passages and never sees a feature. It is fitted
on one half of the articles and judges partners that the other half chose; both ways round, averaged.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from samedream.comparison.arena import Arena
from samedream.comparison.blocks import Half
from samedream.comparison.ridge import best_penalty
from samedream.errors import ComparisonError

MAX_PASSAGES = 10_000  # that a map is fitted on
SHUFFLES = 100
QUANTILE = 0.95
_CHUNK = 512  # features whose cosines are taken at a time
_PENALTIES = np.logspace(-7, 0, 15)  # as shares of the largest eigenvalue

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Pair = tuple[Floats32, Floats32]


@dataclass(frozen=True)
class Carried:
    """Of one direction.

    Attributes:
        cosine: Of each eligible feature's carried direction with its partner's direction, float64 ``[features]``.
        figures: What the summary holds.
    """

    cosine: Floats
    figures: dict[str, Any]


def carried(arena: Arena, source: str, target: str, *, passes: Mask | None = None) -> Carried | None:
    """Carry `source`'s decoder directions to `target`.

    None without both sides' activity, states and decoders, and where a half of the states does not vary.

    Args:
        arena: The comparison.
        source: A side ("left").
        target: Another, of another space.
        passes: Which of source's eligible features pass the test against target: they get figures of their own.

    Raises:
        ComparisonError: The decoders do not fit the features or the states.
    """
    states, decoders = arena.context.states, arena.context.decoders
    if not {source, target} <= arena.sides.keys() & states.keys() & decoders.keys():
        return None
    for side in (source, target):
        wanted = (arena.sides[side].features, states[side].shape[1])
        if decoders[side].shape != wanted:
            raise ComparisonError(f"the decoder of {side} has shape {decoders[side].shape}, expected {wanted}")
    chosen = arena.matching(source, target).chosen
    here = _unit(decoders[source][arena.sides[source].eligible])
    there = _unit(decoders[target][arena.sides[target].eligible])
    pairs = [_rows(half, states[source], states[target]) for half in arena.blocks.halves]
    if not all(len(rows) > 1 and np.ptp(rows, axis=0).any() for pair in pairs for rows in pair):
        return None
    order = np.random.default_rng([arena.config.seed, 4]).permuted(np.tile(np.arange(len(here)), (SHUFFLES, 1)), axis=1)
    found, null, explained = [], [], []
    for fitted, held_out in ((0, 1), (1, 0)):
        weights = fit(*pairs[fitted])
        explained.append(r_squared(weights, fitted=pairs[fitted], held_out=pairs[held_out]))
        cosines = _cosines(_unit(here @ weights), there[chosen[held_out]], order)
        found.append(cosines[0])
        null.append(cosines[1])
    cosine, by_chance = (found[0] + found[1]) / 2, (null[0] + null[1]) / 2
    everything = np.ones(cosine.size, dtype=np.bool_)
    figures = {
        "all": _figures(cosine, by_chance, everything),
        "passing": None if passes is None else _figures(cosine, by_chance, passes),
        "map_r_squared": float(np.mean(explained)),
    }
    return Carried(cosine=cosine, figures=figures)


def to_twins(arena: Arena, source: str, target: str) -> dict[str, Any]:
    """The same against random twins, of all features: source to target's twin, and twin to twin; None where missing."""
    found = {
        "to twin": carried(arena, source, f"{target}_floor"),
        "twin to twin": carried(arena, f"{source}_floor", f"{target}_floor"),
    }
    return {
        name: one and {**one.figures["all"], "map_r_squared": one.figures["map_r_squared"]}
        for name, one in found.items()
    }


def _rows(half: Half, x: Floats32, y: Floats32) -> Pair:
    """The states of a half's passages that have tokens on both sides, evenly thinned to what a map needs."""
    rows = half.rows[:: max(1, -(-half.rows.size // MAX_PASSAGES))]
    x, y = x[rows], y[rows]
    present = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    return x[present], y[present]


def _unit(directions: Floats32) -> Floats32:
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    unit: Floats32 = (directions / np.where(length > 0, length, 1)).astype(np.float32)
    return unit


def _cosines(moved: Floats32, partner: Floats32, order: Index) -> tuple[Floats, Floats]:
    """Cosine of each feature with its partner ``[features]`` and with others' partners ``[features, shuffles]``."""
    found = np.einsum("ij,ij->i", moved.astype(np.float64), partner)
    null = np.empty((len(moved), len(order)))
    for first in range(0, len(moved), _CHUNK):
        rows = slice(first, first + _CHUNK)
        null[rows] = np.take_along_axis(moved[rows] @ partner.T, order[:, rows].T, axis=1)
    return found, null


def _figures(cosine: Floats, null: Floats, chosen: Mask) -> dict[str, Any] | None:
    """Of some of the features: their mean cosine, and what other features' partners give in their place."""
    if not chosen.any():
        return None
    value, by_chance = float(cosine[chosen].mean()), null[chosen].mean(axis=0)
    bar = float(np.quantile(null[chosen], QUANTILE))
    return {
        "features": int(chosen.sum()),
        "mean": value,
        "null_mean": float(by_chance.mean()),
        "null_high": float(np.quantile(by_chance, QUANTILE)),
        "p": float((1 + (by_chance >= value).sum()) / (1 + by_chance.size)),
        "above_null": float((cosine[chosen] > bar).mean()),
    }


def fit(x: Floats32, y: Floats32) -> Floats32:
    """Ridge regression of y ``[rows, e]`` on x ``[rows, d]``, both centred: the weights, float32 ``[d, e]``.

    The penalty is chosen on these rows (`best_penalty`).
    """
    x64, y64 = (z - z.mean(axis=0, dtype=np.float64) for z in (x, y))
    power, vectors = linalg.eigh(x64.T @ x64)
    power = np.maximum(power, 0)
    across = vectors.T @ (x64.T @ y64)
    penalty = best_penalty(power, across, float((y64 * y64).sum()), rows=len(x), shares=_PENALTIES)
    weights: Floats32 = (vectors @ (across / (power + penalty)[:, None])).astype(np.float32)
    return weights


def r_squared(weights: Floats32, *, fitted: Pair, held_out: Pair) -> float:
    """Share of the held-out y's variance, about the fitted rows' mean, that the map explains.

    Args:
        weights: The map, ``[d, e]``.
        fitted: x and y that it was fitted on.
        held_out: Other x and y.
    """
    x, y = (new - old.mean(axis=0) for new, old in zip(held_out, fitted, strict=True))
    error, whole = y - x @ weights, float((y.astype(np.float64) ** 2).sum())
    return 1 - float((error.astype(np.float64) ** 2).sum()) / whole if whole > 0 else 0.0
