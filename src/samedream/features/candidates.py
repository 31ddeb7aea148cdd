"""The best candidates of every feature, at most one per article, in bounded memory.

All features share flat arrays. Newcomers are filtered by each feature's floor (the score of its last kept candidate)
and appended; when the arrays have doubled they are sorted once and cut back. That is a heap per feature in effect,
without a Python loop over features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def article_index(article_ids: Sequence[str]) -> NDArray[np.int64]:
    """Number the articles; the number of each passage's article, int64 [passages]."""
    return np.unique(np.array(article_ids, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Candidates:
    """Candidates for exemplars, all [n].

    Attributes:
        feature: int32.
        passage: Corpus index, int64.
        article: Index of the passage's article, int64.
        score: What they are ranked by, float64, finite.
        payload: Whatever the caller needs to find the candidate again, int64.
    """

    feature: NDArray[np.int32]
    passage: NDArray[np.int64]
    article: NDArray[np.int64]
    score: NDArray[np.float64]
    payload: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.feature)

    def at(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Candidates":
        """The candidates at an index or mask."""
        return Candidates(
            self.feature[index], self.passage[index], self.article[index], self.score[index], self.payload[index]
        )


class Best:
    """For every feature the `capacity` articles with the highest score, each with its best passage.

    The order is total (score descending, then passage ascending), so what is kept does not depend on the order of
    arrival: an article's best passage can only get better, and whoever is beaten by `capacity` other articles once is
    beaten for good.
    """

    def __init__(self, features: int, capacity: int) -> None:
        """Start empty, for `features` features."""
        self._features, self._capacity = features, capacity
        self._kept = _empty()
        self._waiting: list[Candidates] = []
        self._waiting_count = 0
        nothing_fits = -np.inf if capacity else np.inf
        self.floor = np.full(features, nothing_fits)  # a score below its feature's floor cannot be kept any more
        self.most_held = 0

    @property
    def bound(self) -> int:
        """Candidates held between two calls of `add` at most."""
        return 2 * self._features * self._capacity

    def add(self, newcomers: Candidates) -> None:
        """Offer candidates."""
        if not self._capacity:
            return
        newcomers = newcomers.at(newcomers.score >= self.floor[newcomers.feature])
        self._waiting.append(newcomers)
        self._waiting_count += len(newcomers)
        if self._waiting_count > self._features * self._capacity:
            self._cut_back()
        self.most_held = max(self.most_held, len(self._kept) + self._waiting_count)

    def ranked(self) -> Candidates:
        """What was kept, sorted by feature, then from best to worst."""
        self._cut_back()
        return self._kept

    def _cut_back(self) -> None:
        everyone = _concatenated([self._kept, *self._waiting])
        self._waiting, self._waiting_count = [], 0
        everyone = everyone.at(np.lexsort((everyone.passage, -everyone.score, everyone.feature)))
        articles = int(everyone.article.max(initial=0)) + 1
        _, first = np.unique(everyone.feature * np.int64(articles) + everyone.article, return_index=True)
        everyone = everyone.at(np.sort(first))  # the best passage of each article, order kept
        counts = np.bincount(everyone.feature, minlength=self._features)
        rank = np.arange(len(everyone)) - np.repeat(np.cumsum(counts) - counts, counts)
        last = rank == self._capacity - 1
        self.floor[everyone.feature[last]] = everyone.score[last]
        self._kept = everyone.at(rank < self._capacity)


def _empty() -> Candidates:
    whole = np.zeros(0, np.int64)
    return Candidates(np.zeros(0, np.int32), whole, whole, np.zeros(0), whole)


def _concatenated(parts: list[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([part.feature for part in parts]),
        np.concatenate([part.passage for part in parts]),
        np.concatenate([part.article for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.payload for part in parts]),
    )
