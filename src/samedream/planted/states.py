"""Hidden states of two models that cut the same text differently, with a known share of concepts in common.

The states go through trained dictionaries before they are compared: this shows what the whole instrument reads, where
`activity` shows what its statistics read.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from samedream.planted.world import Csr, Floats, Index, Passages, concepts, make_passages

LENGTH = 250  # characters of a passage
_NOISE = 0.35  # norm of the noise of a state, where one average concept has 1

Floats32 = NDArray[np.float32]
Model = Literal["left", "right", "left_floor", "right_floor"]


@dataclass(frozen=True)
class TokenStates:
    """What one model makes of the passages.

    Attributes:
        vectors: Hidden states, float32 ``[tokens, d]``, passages in order.
        passage: The passage of each token, int64 ``[tokens]``, ascending.
        start: Its first character, int64 ``[tokens]``.
        end: One past its last.
        directions: Direction of each concept of the model, of length 1, float32 ``[concepts, d]``.
        concept: Its number, int64 ``[concepts]``: models that have a number share the concept.
    """

    vectors: Floats32
    passage: Index
    start: Index
    end: Index
    directions: Floats32
    concept: Index


@dataclass(frozen=True)
class PlantedStates:
    """Two models, their random twins, and the truth about them.

    Attributes:
        models: "left", "right", and their twins "left_floor" and "right_floor": the same cuts, concepts of their own.
        blocks: The article of each passage, int64 ``[passages]``.
        shared: Truth: the share of left's concepts that right has, and back.
    """

    models: dict[Model, TokenStates]
    blocks: Index
    shared: tuple[float, float]


def planted_states(
    shared: float,
    *,
    left: int = 192,
    right: int = 256,
    passages: int = 3000,
    d: tuple[int, int] = (96, 128),
    tokens: tuple[float, float] = (14.0, 11.0),
    seed: int = 0,
) -> PlantedStates:
    """Make the hidden states of two models that share a known part of left's concepts.

    Directions are drawn anew for each model, so one model's space is no rotation of the other's.

    Args:
        shared: Share of left's concepts that right has too, 0 to 1.
        left: Concepts of left, more than `d` of them: in superposition.
        right: Concepts of right.
        passages: How many passages.
        d: Width of left's and of right's hidden states.
        tokens: Mean tokens of a passage in left's and in right's tokenisation.
        seed: Of everything.

    Raises:
        ValueError: Right has fewer concepts than it should share.
    """
    rng = np.random.default_rng([seed, 4739])
    common = round(shared * left)
    if common > right:
        raise ValueError(f"right has {right} concepts, {common} are needed to share {shared:.0%} of {left}")
    world = make_passages(rng, passages)
    of_left, private = concepts(rng, world, left), concepts(rng, world, right - common)
    where = _places(rng, of_left)
    both = of_left[:, :common]
    parts: dict[Model, list[_Part]] = {
        "left": [_Part(of_left, where, 0)],
        "right": [_Part(both, where[: both.nnz], 0), _Part(private, _places(rng, private), left)],
    }
    for number, (twin, count) in enumerate((("left_floor", left), ("right_floor", right)), 1):
        made = concepts(rng, world, count)
        parts[twin] = [_Part(made, _places(rng, made), number * (left + right))]  # type: ignore[index]
    cuts = {"left": _cut(rng, world, tokens[0]), "right": _cut(rng, world, tokens[1])}
    widths = {"left": d[0], "right": d[1]}
    models = {
        name: _states(rng, cuts[name.split("_")[0]], of_model, d=widths[name.split("_")[0]])
        for name, of_model in parts.items()
    }
    return PlantedStates(models=models, blocks=world.article, shared=(common / left, common / right))


@dataclass(frozen=True)
class _Part:
    """Some concepts: strength CSC ``[passages, concepts]``, the character of each occurrence, the first's number."""

    strength: Csr
    place: Index
    first: int


def _places(rng: np.random.Generator, strength: Csr) -> Index:
    """The character at which each stored occurrence stands, int64 ``[nnz]``: the same for every model that has it."""
    place: Index = rng.integers(0, LENGTH, size=strength.nnz)
    return place


def _cut(rng: np.random.Generator, world: Passages, mean: float) -> tuple[Index, Index, Index]:
    """Passage, first character and one past the last of each token of a tokenisation."""
    inner = rng.random((world.count, LENGTH - 1)) < (mean - 1) / (LENGTH - 1)
    begins = np.concatenate([np.ones((world.count, 1), dtype=bool), inner], axis=1)
    passage, start = np.nonzero(begins)
    end = np.append(start[1:], LENGTH)
    end[np.append(passage[1:] != passage[:-1], True)] = LENGTH
    return passage, start, end


def _states(rng: np.random.Generator, cut: tuple[Index, Index, Index], parts: list[_Part], *, d: int) -> TokenStates:
    passage, start, end = cut
    vectors: Floats = rng.normal(0, _NOISE / np.sqrt(d), size=(passage.size, d))
    key = passage * LENGTH + start
    drawn, numbers = [], []
    for part in parts:
        strength, count = part.strength, part.strength.shape[1]
        directions = rng.normal(size=(count, d))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        concept = np.repeat(np.arange(count), np.diff(strength.indptr))
        token = np.searchsorted(key, strength.indices.astype(np.int64) * LENGTH + part.place, side="right") - 1
        np.add.at(vectors, token, strength.data[:, None] * directions[concept])
        drawn.append(directions.astype(np.float32))
        numbers.append(part.first + np.arange(count))
    return TokenStates(
        vectors=vectors.astype(np.float32),
        passage=passage,
        start=start,
        end=end,
        directions=np.concatenate(drawn),
        concept=np.concatenate(numbers),
    )
