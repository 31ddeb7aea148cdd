"""Dense measures beside the matching of features: are the two spaces alike as a whole? (protocol 3.8)

Each measure on several representations of the passages, each against shuffled articles, floors and ceilings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from samedream.comparison.activity import Csr
from samedream.comparison.arena import Arena
from samedream.comparison.blocks import Blocks, split_blocks
from samedream.comparison.dense.calibration import Measured, shuffles
from samedream.comparison.dense.grams import Gram, of_activity, of_states
from samedream.comparison.dense.neighbours import mutual_neighbours, nearest, nearest_states
from samedream.comparison.dense.pairwise import Sums, cka_and_rsa, sums_of
from samedream.comparison.dense.subspaces import held_out
from samedream.comparison.estimates import Sampled
from samedream.errors import ComparisonError
from samedream.progress import step

MAX_PASSAGES = 1500  # the cost is quadratic; six Gram matrices of 9 MB
REFERENCE_SHUFFLES = 20  # for floors and ceilings: their nulls only give tau
CURVE = (1000, 4000, 16_000)  # passages among which neighbours are looked for
MEASURES = ("cka", "rsa", "neighbours", "procrustes", "cca", "ridge_a_to_b", "ridge_b_to_a")
REPRESENTATIONS = (STATES, Z_STATES, FEATURES, Z_FEATURES) = (
    "states",
    "z-scored states",
    "features",
    "z-scored features",
)
_OF_FEATURES = (FEATURES, Z_FEATURES)
FOUND = ("left", "right")
FLOORS = {
    "a to twin of b": ("left", "right_floor"),
    "twin of a to b": ("left_floor", "right"),
    "twin of a to twin of b": ("left_floor", "right_floor"),
}
CEILINGS = {"a": ("left", "left_repeat"), "b": ("right", "right_repeat")}
_USED = {side for pair in (FOUND, *FLOORS.values(), *CEILINGS.values()) for side in pair}
_SAME_STATES = "a repeat reads the states of its model: the ceiling is 1 by construction"

Floats32 = NDArray[np.float32]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """The passages that are compared, their articles, and the shuffles of them."""

    rows: Index
    blocks: Blocks
    orders: list[Index]


@dataclass(frozen=True)
class Side:
    """One side in one representation: its Gram matrix, what is summed over it, and each passage's neighbours."""

    sums: Sums
    nearest: Index

    @property
    def gram(self) -> Gram:
        """The Gram matrix."""
        return self.sums.gram


def dense(arena: Arena) -> dict[str, Any] | None:
    """All dense measures.

    Returns:
        ``{"passages", "permutations", "measures", "neighbours_by_passages", "variance_kept", "notes"}``; measures:
        measure → representation (`REPRESENTATIONS`) → figures, or None where they cannot be had.
        None where too few passages have tokens on all sides.
    """
    sample = sample_of(arena, np.arange(arena.blocks.code.size), MAX_PASSAGES, states=arena.context.states)
    if sample is None:
        return None
    result: dict[str, Any] = {
        "passages": int(sample.rows.size),
        "permutations": len(sample.orders),
        "measures": {measure: {} for measure in MEASURES},
        "neighbours_by_passages": {},
        "variance_kept": {},
        "notes": [],
    }
    with step("comparing the spaces as a whole", len(REPRESENTATIONS), "representations") as shown:
        for name in REPRESENTATIONS:
            _add(result, name, arena, sample=sample)
            shown.advance(1)
    return result


def _add(result: dict[str, Any], name: str, arena: Arena, *, sample: Sample) -> None:
    """Add one representation to the result; its matrices are gone afterwards."""
    sides = _sides(arena, name, sample)
    if not set(FOUND) <= sides.keys():
        for measure in MEASURES:
            result["measures"][measure][name] = None
        result["notes"].append(_missing(name))
        return
    pairs = {pair: _measure(sides, pair, sample) for pair in _pairs(sides)}
    for measure in MEASURES:
        figures = _figures({pair: found[measure] for pair, found in pairs.items()}, name)
        result["measures"][measure][name] = figures
    result["neighbours_by_passages"][name] = _curve(arena, sides, sample, further=name == STATES)
    result["variance_kept"][name] = {
        side: float(np.mean([fold.kept for fold in sides[side].gram.folds])) for side in sides
    }


def _missing(name: str) -> str:
    if name in _OF_FEATURES:
        return f"The dense measures leave the {name} out: what is left of them does not vary on these passages."
    return (
        f"The dense measures leave the {name} out: the features directories hold no mean hidden states of both models "
        f"(made by an older version), or these do not vary."
    )


def sample_of(arena: Arena, rows: Index, size: int, *, states: dict[str, Floats32]) -> Sample | None:
    """At most `size` of some passages, the same share of every article, less those without a state on every side.

    None where they are too few to shuffle. Only the chosen rows of the states are read: they may lie on disk.
    """
    code, seed = arena.blocks.code, arena.config.seed
    if rows.size > size:
        by_article = rows[np.argsort(code[rows], kind="stable")]
        at = (np.arange(size) + np.random.default_rng([seed, 3]).random(size)) * (rows.size / size)
        rows = np.sort(by_article[at.astype(np.int64)])
    for values in states.values():
        rows = rows[np.isfinite(values[rows]).all(axis=1)]
    try:
        blocks = split_blocks(code[rows], rows.size, seed)
    except ComparisonError:
        return None
    return Sample(rows=rows, blocks=blocks, orders=shuffles(blocks, arena.config.permutations, seed))


def _sides(arena: Arena, name: str, sample: Sample) -> dict[str, Side]:
    """The sides of one representation that vary."""
    blocks, sides = sample.blocks, {}
    given: dict[str, Any] = arena.sides if name in _OF_FEATURES else arena.context.states
    for side in sorted(given.keys() & _USED):
        if name in _OF_FEATURES:
            activity = given[side].matrix[sample.rows]
            gram = of_activity(_unit_variance(activity) if name == Z_FEATURES else activity, blocks)
        else:
            states = given[side][sample.rows]
            gram = of_states(_z_scored(states) if name == Z_STATES else states, blocks)
        if gram is not None:
            sides[side] = Side(sums=sums_of(gram, blocks), nearest=nearest(gram.cosine))
    return sides


def _z_scored(states: Floats32) -> Floats32:
    spread = states.std(axis=0, dtype=np.float64)
    centred = states - states.mean(axis=0, dtype=np.float64)
    scored: Floats32 = (centred / np.where(spread > 0, spread, 1)).astype(np.float32)
    return scored


def _unit_variance(activity: Csr) -> Csr:
    """Each feature with variance 1; the Gram matrix takes the means out."""
    square = activity.astype(np.float64)
    mean = np.asarray(square.mean(axis=0)).ravel()
    square.data **= 2
    variance = np.asarray(square.mean(axis=0)).ravel() - mean**2
    scaled = activity.copy()
    scaled.data = (activity.data / np.sqrt(np.where(variance > 0, variance, 1))[activity.indices]).astype(np.float32)
    return scaled


def _pairs(sides: dict[str, Side]) -> Iterator[tuple[str, str]]:
    for pair in (FOUND, *FLOORS.values(), *CEILINGS.values()):
        if pair[0] in sides and pair[1] in sides:
            yield pair


def _measure(sides: dict[str, Side], pair: tuple[str, str], sample: Sample) -> dict[str, Measured]:
    left, right = sides[pair[0]], sides[pair[1]]
    blocks, orders = sample.blocks, sample.orders if pair == FOUND else sample.orders[:REFERENCE_SHUFFLES]
    cka, rsa = cka_and_rsa(left.sums, right.sums, blocks, orders)
    overlap = mutual_neighbours(left.nearest, right.nearest, blocks, orders)
    return {"cka": cka, "rsa": rsa, "neighbours": overlap, **held_out(left.gram, right.gram, blocks, orders)}


def _figures(by_pair: dict[tuple[str, str], Measured], representation: str) -> dict[str, Any] | None:
    """What the summary holds of one measure on one representation."""
    finite = {pair: found for pair, found in by_pair.items() if found.finite}
    if FOUND not in finite:
        return None
    found = finite[FOUND]
    floors = {name: finite[pair] for name, pair in FLOORS.items() if pair in finite}
    highest = max(floors, key=lambda name: floors[name].calibrated.value, default=None)
    return {
        **_interval(found.figure),
        "threshold": found.threshold,
        "p": found.p_value,
        "calibrated": _interval(found.calibrated),
        "floors": {name: _short(floor) for name, floor in floors.items()},
        "highest_floor": highest,
        "above_floor": None if highest is None else _interval(_above(found.calibrated, floors[highest].calibrated)),
        "ceilings": {side: _short(finite[pair]) for side, pair in CEILINGS.items() if pair in finite},
        **({} if representation in _OF_FEATURES else {"no_ceiling": _SAME_STATES}),
    }


def _above(found: Sampled, floor: Sampled) -> Sampled:
    return Sampled(found.value - floor.value, found.without - floor.without, found.halves)


def _short(found: Measured) -> dict[str, Any]:
    return {"value": found.figure.value, "threshold": found.threshold, "calibrated": _interval(found.calibrated)}


def _interval(figure: Sampled) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(figure.interval())
    return plain


def _curve(arena: Arena, sides: dict[str, Side], sample: Sample, *, further: bool) -> list[dict[str, Any]]:
    """Mutual neighbours among more and more passages (protocol 1.4); only raw states go `further` than the sample."""
    points = []
    for size in CURVE:
        if size < sample.rows.size and (fewer := sample_of(arena, sample.rows, size, states={})):
            at = np.ix_(*[np.searchsorted(sample.rows, fewer.rows)] * 2)
            points.append(_point(fewer, *(nearest(sides[side].gram.cosine[at]) for side in FOUND)))
    points.append(_point(sample, sides["left"].nearest, sides["right"].nearest))
    states = {side: arena.context.states[side] for side in FOUND} if further else {}
    rows = np.arange(arena.blocks.code.size if further else 0)
    for size in CURVE:
        if sample.rows.size < size <= rows.size and (more := sample_of(arena, rows, size, states=states)):
            points.append(_point(more, *(nearest_states(states[side][more.rows]) for side in FOUND)))
    return points


def _point(sample: Sample, left: Index, right: Index) -> dict[str, Any]:
    found = mutual_neighbours(left, right, sample.blocks, sample.orders)
    return {"passages": int(sample.rows.size), **_short(found), "p": found.p_value}
