"""Two models' dictionaries on the same passages with a known shared fraction, as `compare` takes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from samedream.planted.world import Csr, Index, Passages, concepts, divide, make_passages, render, tokens


@dataclass(frozen=True)
class PlantedActivity:
    """A pair of dictionaries, their repeats and twins, and the truth about them.

    Attributes:
        left: Activity, CSR ``[passages, left features]``, float32.
        right: ``[passages, right features]``.
        blocks: The article of each passage, int64 ``[passages]``.
        topics: The leading topic of each passage, int64.
        left_repeat: The same model's dictionary of another seed.
        right_repeat: Right's.
        left_floor: The dictionary of left's random twin: it knows topics and tokens, none of the models' concepts.
        right_floor: Right's.
        left_concept: The concept of each left feature, int64; features of both sides with one number share it.
        right_concept: Of each right feature.
        splits: Left feature → the right features that it is divided into.
        shared: Truth, of left in right and of right in left: the share of a model's concepts that the other one has.
            A split concept is shared; boilerplate is no concept and counts neither way.
    """

    left: Csr
    right: Csr
    blocks: Index
    topics: Index
    left_repeat: Csr
    right_repeat: Csr
    left_floor: Csr
    right_floor: Csr
    left_concept: Index
    right_concept: Index
    splits: dict[int, tuple[int, ...]]
    shared: tuple[float, float]

    def beside(self) -> dict[str, Any]:
        """Repeats and twins by the names `compare` gives them."""
        names = ("left_repeat", "right_repeat", "left_floor", "right_floor")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class _Pool:
    """A model's concepts: strengths CSC ``[passages, features]`` and the concept number of each column."""

    strength: Csr
    number: Index


def planted_activity(
    shared: float,
    *,
    left: int = 512,
    right: int = 1024,
    passages: int = 5000,
    missed: float = 0.2,
    boilerplate: float = 0.05,
    splits: int = 0,
    seed: int = 0,
) -> PlantedActivity:
    """Make a pair of dictionaries of which the left shares a known part with the right.

    Args:
        shared: Share of left's concepts that right has too, 0 to 1.
        left: Features of left.
        right: Features of right.
        passages: How many passages.
        missed: Share of a model's concepts that each of its dictionaries missed; something else took their place.
        boilerplate: Share of left's features that are tokens, which right and both twins have as well.
        splits: How many of the shared concepts right has as two to four narrower ones.
        seed: Of everything.

    Raises:
        ValueError: Right has too few features for what it should share.
    """
    rng = np.random.default_rng([seed, 4738])
    world = make_passages(rng, passages)
    n_tokens = round(boilerplate * left)
    common = round(shared * (left - n_tokens))
    pieces = rng.integers(2, 5, size=min(splits, common))
    room = right - n_tokens - (common - pieces.size) - int(pieces.sum())
    if room < 0:
        raise ValueError(f"right has {right} features, {right - room} are needed to share {shared:.0%} of {left}")
    plain = tokens(rng, world, n_tokens)
    a = _Pool(_side_by_side(plain, concepts(rng, world, left - n_tokens)), np.arange(left))
    b = _other(rng, world, a, tokens=n_tokens, common=common, pieces=pieces, room=room)
    return _seen(rng, world, (a, b), missed=missed, tokens=n_tokens, pieces=pieces.size)


def _seen(
    rng: np.random.Generator, world: Passages, pools: tuple[_Pool, _Pool], *, missed: float, tokens: int, pieces: int
) -> PlantedActivity:
    """Dictionaries of two models, their repeats and twins. `tokens`: how many of either model's first concepts are."""
    sizes = [pool.number.size for pool in pools]
    drawn = [
        _dictionary(rng, world, pool, missed=missed, tokens=tokens, own=sum(sizes) * (1 + i))
        for i, pool in enumerate((*pools, *pools))
    ]
    plain = pools[0].strength[:, :tokens]
    floors = [render(rng, _side_by_side(plain, concepts(rng, world, size - tokens))) for size in sizes]
    (left, left_number), (right, right_number), (left_again, _), (right_again, _) = drawn
    a, b = (pool.number[tokens:] for pool in pools)
    return PlantedActivity(
        left=left,
        right=right,
        blocks=world.article,
        topics=world.topic,
        left_repeat=left_again,
        right_repeat=right_again,
        left_floor=floors[0],
        right_floor=floors[1],
        left_concept=left_number,
        right_concept=right_number,
        splits=_splits(left_number, right_number, tokens + np.arange(pieces)),
        shared=(float(np.isin(a, b).mean()), float(np.isin(b, a).mean())),
    )


def _other(
    rng: np.random.Generator, world: Passages, a: _Pool, *, tokens: int, common: int, pieces: Index, room: int
) -> _Pool:
    """Right's concepts: the tokens, left's first concepts in pieces, the other common ones, and its own."""
    first = tokens + pieces.size
    parts = [divide(rng, world, a.strength[:, [tokens + i]], int(m)) for i, m in enumerate(pieces)]
    whole = np.r_[:tokens, first : tokens + common]
    strength = _side_by_side(a.strength[:, whole], *parts, concepts(rng, world, room))
    split = np.repeat(tokens + np.arange(pieces.size), pieces)
    return _Pool(strength, np.concatenate([whole, split, a.number.size + np.arange(room)]))


def _side_by_side(*parts: Csr) -> Csr:
    return sparse.csc_array(sparse.hstack(parts))


def _dictionary(
    rng: np.random.Generator, world: Passages, pool: _Pool, *, missed: float, tokens: int, own: int
) -> tuple[Csr, Index]:
    """A dictionary that found most of a model's concepts and, for the rest, some of its own, numbered from `own` on."""
    count = pool.number.size
    lost = tokens + rng.permutation(count - tokens)[: round(missed * (count - tokens))]
    kept = np.setdiff1d(np.arange(count), lost)
    strength = _side_by_side(pool.strength[:, kept], concepts(rng, world, lost.size))
    number = np.concatenate([pool.number[kept], own + np.arange(lost.size)])
    order = rng.permutation(count)
    return render(rng, strength[:, order]), number[order]


def _splits(left: Index, right: Index, divided: Index) -> dict[int, tuple[int, ...]]:
    """The divided concepts that both dictionaries found: left feature → its right features, at least two."""
    found = {}
    for concept in divided:
        parent, children = np.flatnonzero(left == concept), np.flatnonzero(right == concept)
        if parent.size and children.size > 1:
            found[int(parent[0])] = tuple(int(child) for child in children)
    return found
