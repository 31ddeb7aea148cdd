"""What a rater is shown, in an order that rests on nothing but the study: a session goes on where it was left."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.records import Passage

SHOWN = 5  # passages of an item
LEAST = 3  # held-out passages a feature needs to be rated
CONTROLS = 5  # one item in so many, on average, carries another feature's label


@dataclass(frozen=True)
class Excerpt:
    """A passage as it is shown: its id, its text, and the characters of the peak."""

    passage_id: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Candidate:
    """A label that may be rated: model (its directory), feature, and the words it is known by."""

    model: str
    feature: int
    label: str


@dataclass(frozen=True)
class Item:
    """One question. `label_of` is the feature that the label is of: another than `feature` in a control."""

    model: str
    feature: int
    label: str
    label_of: int

    @property
    def key(self) -> str:
        """The same question has the same key, whoever asks it."""
        return f"{self.model}:{self.feature}:{self.label_of}:{_hash(self.label):016x}"

    @property
    def control(self) -> bool:
        """Whether the label is another feature's."""
        return self.feature != self.label_of


def items(candidates: Mapping[str, Sequence[Candidate]], seed: int) -> Iterator[Item]:
    """All items in the order of rating, models in turn.

    Args:
        candidates: Model → its labels.
        seed: Of the order and of the controls.
    """
    ordered = [sorted(own, key=lambda one: _hash(f"{seed} {one.model} {one.feature}")) for own in candidates.values()]
    for one in chain.from_iterable(zip_longest(*ordered)):
        if one is not None:
            yield _item(one, candidates[one.model], seed)


def _item(one: Candidate, own: Sequence[Candidate], seed: int) -> Item:
    if _hash(f"{seed} control {one.model} {one.feature}") % CONTROLS == 0:
        first = _hash(f"{seed} other {one.model} {one.feature}") % len(own)
        for other in chain(own[first:], own[:first]):
            if not _words(other.label) & _words(one.label):
                return Item(one.model, one.feature, other.label, other.feature)
    return Item(one.model, one.feature, one.label, one.feature)


def _words(label: str) -> set[str]:
    return {word.strip('",()').casefold() for word in label.split()}


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def held_out(
    activity: "sparse.csc_matrix[np.float32]",
    spans: tuple[NDArray[np.int64], NDArray[np.int64]],
    passages: Sequence[Passage],
    feature: int,
) -> list[Excerpt]:
    """Up to five passages of the score fold in which a feature fires, one per article, from its strongest down.

    They stand at even distances among all, so that middling and weak ones are among them: the strongest alone make
    every label look better than it is.

    Args:
        activity: float32 ``[passages, features]``, by column.
        spans: First character and character after the peak of each stored value, in the order of `activity`.
        passages: The corpus.
        feature: The feature.
    """
    inside = slice(*activity.indptr[feature : feature + 2])
    order = np.argsort(-activity.data[inside], kind="stable")
    articles: set[str] = set()
    kept = []
    for at in order:
        passage = passages[activity.indices[inside][at]]
        if passage.fold == "score" and passage.article_id not in articles:
            articles.add(passage.article_id)
            kept.append((passage, int(spans[0][inside][at]), int(spans[1][inside][at])))
    places = sorted(set(np.linspace(0, len(kept) - 1, min(SHOWN, len(kept))).astype(int).tolist()))
    return [Excerpt(passage.passage_id, passage.text, *span) for passage, *span in (kept[at] for at in places)]
