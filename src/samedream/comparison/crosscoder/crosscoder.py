"""A second opinion that shares nothing with the first but the passages: a crosscoder of both models' mean states."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream import progress
from samedream.comparison.blocks import Blocks, Rows, split_blocks
from samedream.comparison.crosscoder.joint import Floats, Joint, K, Parts, fit, principal
from samedream.errors import ComparisonError
from samedream.records import Directed, Interval

MIN_PASSAGES = 500
MAX_PASSAGES = 6_000  # more are drawn from, whole articles
ROWS_PER_LATENT, MAX_WIDTH = 3, 512
SEEDS = 2  # dictionaries of each half
_FEW = 8  # judged passages on which a latent must fire
# Minder et al. (2025): only one model's when nu of the error and of the reconstruction are below
_WEAK, _ELSEWHERE = 0.2, 0.5
_ONE_SIDED = 0.3  # share of the decoder's norm in one model below which norms alone call a latent the other's
_OFF = 0.2  # by how much its share was off on planted pairs, at most (docs/comparison.md)
_CERTAIN = 0.8  # share that it must find of a model in its own noisy copy, to be believed
CLASSES = ("shared", "only_a", "only_b", "mixed", "cannot_tell")


@dataclass
class Fits:
    """Dictionaries of the pair, of the pair with articles shuffled, of each model and its own noisy copy, and of the
    random twins; and the share of either model's variance that lies on the components they were given.
    """

    pair: list[Joint] = field(default_factory=list)
    shuffled: list[Joint] = field(default_factory=list)
    itself: list[Joint] = field(default_factory=list)
    floor: list[Joint] = field(default_factory=list)
    kept: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Bars:
    """What agreement says: below `chance` the two readings have nothing to do with each other, from `shared` on they
    are of one concept.
    """

    chance: float
    shared: float


def crosscoder(states: Mapping[str, Floats], code: Rows, shared_fraction: Directed, *, seed: int) -> dict[str, Any]:
    """What one dictionary of both models says is shared.

    Args:
        states: Side → mean hidden state of each passage, float32 ``[passages, d]``, NaN where a passage has none:
            "left", "right", and where there are random twins "left_floor" and "right_floor".
        code: The article of each passage, int64 ``[passages]``.
        shared_fraction: The main answer, to be held against this one.
        seed: Of halves, shuffles and dictionaries.

    Returns:
        Plain values (docs/comparison.md, Crosscoder); `share` is None and `reason` says why where there is too little.
    """
    if not {"left", "right"} <= states.keys():
        return _none("the mean hidden state of each passage is not known")
    usable = np.isfinite(sum(matrix.sum(axis=1) for matrix in states.values()))
    rows = _drawn(np.flatnonzero(usable), code, seed)
    if rows.size < MIN_PASSAGES:
        return _none(f"{rows.size} passages with hidden states, a crosscoder needs at least {MIN_PASSAGES}")
    try:
        blocks = split_blocks(code[rows], rows.size, seed)
    except ComparisonError as error:
        return _none(str(error))
    floors = [name for name in ("left_floor", "right_floor") if name in states]
    names = ["left", "right", *(floors if len(floors) == 2 else [])]
    drawn = {name: states[name][rows] for name in names}
    for name, matrix in drawn.items():
        if not np.ptp(matrix, axis=0).any():
            return _none(f"the hidden states of {name.replace('_', ' ')} are the same in all passages")
    found = _fits(drawn, blocks, seed)
    return _result(found, shared_fraction, rows.size)


def _none(reason: str) -> dict[str, Any]:
    return {"share": None, "reason": reason}


def _drawn(rows: Rows, code: Rows, seed: int) -> Rows:
    """At most 6,000 of the rows, whole articles, drawn at random."""
    if rows.size <= MAX_PASSAGES:
        return rows
    articles, sizes = np.unique(code[rows], return_counts=True)
    order = np.random.default_rng([seed, 12]).permutation(articles.size)
    chosen = articles[order[np.cumsum(sizes[order]) <= MAX_PASSAGES]]
    return rows[np.isin(code[rows], chosen)]


def _fits(states: Mapping[str, Floats], blocks: Blocks, seed: int) -> Fits:
    """All dictionaries: each half of the articles is once learned from and once judged on."""
    rng = np.random.default_rng([seed, 13])
    shuffled = np.empty(blocks.code.size, dtype=np.int64)
    for half in blocks.halves:
        shuffled[half.rows] = half.rows[half.shuffle(rng)]
    found = Fits()
    with progress.step("crosscoder", 2 * (SEEDS + 2 + ("left_floor" in states)), "dictionaries") as bar:
        for turn, (learned, judged) in enumerate((blocks.halves, blocks.halves[::-1])):
            parts = Parts(np.sort(learned.rows), np.sort(judged.rows))
            train = partial(_train, parts=parts, advance=bar.advance)
            leading = {name: principal(matrix, parts, seed=seed) for name, matrix in states.items()}
            (a, kept_a), (b, kept_b) = leading["left"], leading["right"]
            found.kept.append((kept_a, kept_b))
            first = 100 * seed + 10 * turn
            found.pair += [train(a, b, first + number) for number in range(SEEDS)]
            found.shuffled.append(train(a, b[shuffled], first + 5))
            found.itself.append(train(*_noisy_copy(found.pair[-1], (a, b), turn, parts=parts, rng=rng), first + 6))
            if "left_floor" in states:
                found.floor.append(train(leading["left_floor"][0], leading["right_floor"][0], first + 7))
    return found


def _train(a: Floats, b: Floats, seed: int, *, parts: Parts, advance: Callable[[], None]) -> Joint:
    joint = fit(a, b, parts, width=min(MAX_WIDTH, parts.learned.size // ROWS_PER_LATENT), seed=seed)
    advance()
    return joint


def _noisy_copy(
    joint: Joint, sides: tuple[Floats, Floats], turn: int, *, parts: Parts, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """One model, and what the crosscoder gives back of it with what it misses in other passages: all is shared."""
    width = sides[0].shape[1]
    model = slice(0, width) if turn == 0 else slice(width, None)
    missed = joint.error[rng.choice(parts.judged, len(joint.error)), model]
    return sides[turn], joint.reconstruction[:, model] + missed


def bars(shuffled: Sequence[Joint], itself: Sequence[Joint]) -> Bars:
    """Chance: the 95 % quantile of shuffled articles, where nothing can be shared. Shared: halfway from there to the
    median of a model and its own noisy copy, where everything is.
    """
    nothing, everything = (
        np.concatenate([joint.agreement[joint.fires >= _FEW] for joint in joints]).astype(np.float64)
        for joints in (shuffled, itself)
    )
    if not nothing.size or not everything.size:
        return Bars(1.0, 1.0)
    chance = float(np.quantile(nothing, 0.95))
    return Bars(chance, max(chance, (chance + float(np.median(everything))) / 2))


def classes(joint: Joint, bars: Bars) -> NDArray[np.int64]:
    """The class of each latent, an index into `CLASSES`, int64 ``[F]``.

    Shared: the readings agree, whatever the norms say. Below chance: only one model's where nu is low, of the error
    (Complete Shrinkage) and of the reconstruction (Latent Decoupling); mixed where the latent is strong in both, with
    nothing in common. The rest, and what hardly fires, cannot be told.
    """
    known = joint.fires >= _FEW
    apart = known & (joint.agreement < bars.chance)
    a, b = joint.strength
    in_a, in_b = joint.elsewhere
    found = np.full(known.size, CLASSES.index("cannot_tell"))
    found[apart & (np.minimum(a, b) >= _WEAK * np.maximum(a, b)) & (np.minimum(a, b) > 0)] = CLASSES.index("mixed")
    found[apart & (b < _WEAK * a) & (in_b < _ELSEWHERE * in_a)] = CLASSES.index("only_a")
    found[apart & (a < _WEAK * b) & (in_a < _ELSEWHERE * in_b)] = CLASSES.index("only_b")
    found[known & (joint.agreement >= bars.shared)] = CLASSES.index("shared")
    return found


def counts(joints: Sequence[Joint], bars: Bars) -> dict[str, int]:
    """Class → how many latents, over all the dictionaries."""
    numbers = sum(np.bincount(classes(joint, bars), minlength=len(CLASSES)) for joint in joints)
    return dict(zip(CLASSES, np.asarray(numbers).tolist(), strict=True))


def share(number: Mapping[str, int], side: str) -> float | None:
    """Share of a side's latents that are shared: shared / (shared + only its own + mixed).

    A mixed latent stands for a concept of each model, so it counts among the private ones of both.
    """
    own = number["shared"] + number[f"only_{side}"] + number["mixed"]
    return number["shared"] / own if own else None


def _by_norm(joints: Sequence[Joint]) -> dict[str, int]:
    """What the decoder's norms alone would say (Lindsey et al. 2024)."""
    part = np.concatenate([joint.norms[1] / joint.norms.sum(axis=0) for joint in joints])
    only_a, only_b = int((part < _ONE_SIDED).sum()), int((part > 1 - _ONE_SIDED).sum())
    return {"shared": part.size - only_a - only_b, "only_a": only_a, "only_b": only_b}


def _result(found: Fits, main: Directed, passages: int) -> dict[str, Any]:
    where = bars(found.shuffled, found.itself)

    def told(joints: Sequence[Joint]) -> dict[str, Any]:
        number = counts(joints, where)
        return {
            "counts": number,
            "by_norm": _by_norm(joints),
            "share": {side: share(number, side) for side in ("a", "b")},
        }

    each = [counts([joint], where) for joint in found.pair]
    spread = {side: _spread([share(number, side) for number in each]) for side in ("a", "b")}
    explained = np.mean([joint.explained for joint in found.pair], axis=0)
    kept = np.mean(found.kept, axis=0)
    result = {
        **told(found.pair),
        "spread": spread,
        "each": each,
        "shuffled": told(found.shuffled),
        "itself": told(found.itself),
        "floor": told(found.floor) if found.floor else None,
        "bars": {"chance": where.chance, "shared": where.shared},
        "variance_explained": {"a": float(explained[0] * kept[0]), "b": float(explained[1] * kept[1])},
        "variance_kept": {"a": float(kept[0]), "b": float(kept[1])},
        "latents": found.pair[0].agreement.size,
        "active_per_passage": K,
        "dictionaries": len(found.pair),
        "passages": passages,
        "reason": None,
    }
    itself = result["itself"]["share"]["a"]
    if itself is None or itself < _CERTAIN:
        again = "nothing" if itself is None else f"only {itself:.0%}"
        return {**result, **_none(f"of a model it finds {again} in the same model's own noisy copy")}
    intervals = {"a": main.a_to_b, "b": main.b_to_a}
    result["agrees"] = {side: _agrees(spread[side], intervals[side]) for side in ("a", "b")}
    result["sentence"] = _sentence(result, intervals)
    return result


def _spread(shares: list[float | None]) -> list[float] | None:
    known = [value for value in shares if value is not None]
    return [min(known), max(known)] if known else None


def _agrees(spread: list[float] | None, main: Interval | None) -> bool | None:
    """Whether the dictionaries' range, widened by what planted pairs show it to be off, meets the main interval."""
    return None if spread is None or main is None else spread[0] - _OFF <= main.high and spread[1] + _OFF >= main.low


def _sentence(result: Mapping[str, Any], main: Mapping[str, Interval | None]) -> str:
    number = result["counts"]
    parts = [
        f"A crosscoder of both models ({result['dictionaries']} dictionaries of {result['latents']} latents) finds "
        f"{number['shared']} shared, {number['only_a']} only a's, {number['only_b']} only b's, {number['mixed']} that "
        f"mix unlike concepts of both, and cannot tell {number['cannot_tell']}."
    ]
    for side, other in (("a", "b"), ("b", "a")):
        value, spread, interval = result["share"][side], result["spread"][side], main[side]
        if value is None or spread is None:
            parts.append(f"It has no latent of {side} to speak of.")
            continue
        said = f"Of {side}'s it finds {value:.0%} in {other} ({spread[0]:.0%} to {spread[1]:.0%} over the dictionaries)"
        if interval is None:
            parts.append(f"{said}; the main answer has no shared fraction to hold against it.")
            continue
        verdict = "the two agree" if result["agrees"][side] else (
            f"the crosscoder says {'more' if value > interval.value else 'less'}"
        )  # fmt: skip
        parts.append(
            f"{said}; the main answer says {interval.value:.0%} ({interval.low:.0%} to {interval.high:.0%}): {verdict}."
        )
    floor = result["floor"]
    if floor is not None and floor["share"]["a"] is not None:
        parts.append(f"Of the random twins it finds {floor['share']['a']:.0%} shared: shared words alone do that much.")
    return " ".join(parts)
