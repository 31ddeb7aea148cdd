"""Passages of articles with topics, concepts that turn up in them, and what a dictionary's features show of them.

None of it knows how it will be measured: every feature has a gain, a bend, a noise, misses and false alarms of its own.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Csr: TypeAlias = Any  # scipy.sparse arrays, as in `comparison.activity`
Floats = NDArray[np.float64]
Index = NDArray[np.int64]

TOPICS = 16
_RATES = (0.006, 0.25)  # share of passages a concept is in; the rarest are hardly ever seen
_AT_ONCE = 128  # concepts made at a time: a dense [passages, 128] block is all that exists


@dataclass(frozen=True)
class Passages:
    """Passages of articles.

    Attributes:
        article: The article of each passage, int64 ``[passages]``, ascending; one to six passages each.
        mix: How much of each topic an article has, float64 ``[articles, topics]``, rows sum to 1.
    """

    article: Index
    mix: Floats

    @property
    def count(self) -> int:
        """How many passages."""
        return int(self.article.size)

    @property
    def topic(self) -> Index:
        """The leading topic of each passage."""
        return np.asarray(self.mix.argmax(axis=1)[self.article], dtype=np.int64)


def make_passages(rng: np.random.Generator, count: int) -> Passages:
    """Articles with a main and a side topic; topics differ in size by ten times, and side topics keep company.

    Args:
        rng: Source of chance.
        count: Passages wanted.
    """
    sizes = rng.choice(np.arange(1, 7), size=count, p=[0.35, 0.25, 0.17, 0.11, 0.07, 0.05])
    article = np.repeat(np.arange(count), sizes)[:count]
    articles = int(article[-1]) + 1
    popularity = 1 / np.arange(1, TOPICS + 1) ** 0.8
    main = rng.choice(TOPICS, size=articles, p=popularity / popularity.sum())
    company = rng.dirichlet(np.full(TOPICS, 0.3), size=TOPICS)  # the side topics that go with each main topic
    side = (rng.random((articles, 1)) > np.cumsum(company, axis=1)[main]).sum(axis=1).clip(max=TOPICS - 1)
    weight = rng.uniform(0.5, 1.0, size=articles)
    mix = np.zeros((articles, TOPICS))
    mix[np.arange(articles), main] = weight
    mix[np.arange(articles), side] += 1 - weight
    return Passages(article=article.astype(np.int64), mix=mix)


def concepts(rng: np.random.Generator, passages: Passages, count: int) -> Csr:
    """How strongly each of `count` new concepts is in each passage, CSC ``[passages, count]``, float64.

    A concept belongs to some topics more than to others, comes in few or many articles (log-uniform rates) and comes
    back within an article.
    """
    parts = [_concepts(rng, passages, min(_AT_ONCE, count - start)) for start in range(0, count, _AT_ONCE)]
    return sparse.csc_array(sparse.hstack(parts)) if parts else sparse.csc_array((passages.count, 0))


def tokens(rng: np.random.Generator, passages: Passages, count: int) -> Csr:
    """Boilerplate: frequent things that belong to no topic (a comma, a year), CSC ``[passages, count]``."""
    rate = rng.uniform(0.1, 0.5, size=count)
    present = rng.random((passages.count, count)) < rate
    return sparse.csc_array(present * rng.lognormal(0, 0.3, size=present.shape))


def _concepts(rng: np.random.Generator, passages: Passages, count: int) -> Csr:
    articles = len(passages.mix)
    taste = rng.dirichlet(np.full(TOPICS, 0.2), size=count)
    everywhere = rng.beta(1, 3, size=count)  # the part of a concept that keeps to no topic
    again = rng.uniform(0.4, 0.95, size=count)  # how sure it is to come back within an article
    low, high = np.log(_RATES)
    rate = np.exp(rng.uniform(low, high, size=count)) / again
    follows = passages.mix @ taste.T
    chance = rate * (everywhere + (1 - everywhere) * follows / follows.mean(axis=0))
    article, concept = np.nonzero(rng.random((articles, count)) < chance)
    weight = rng.lognormal(0, 0.4, size=article.size)
    sizes = np.bincount(passages.article, minlength=articles)
    starts = np.cumsum(sizes) - sizes
    times = sizes[article]  # each passage of an article that has the concept
    place = np.repeat(starts[article] - (np.cumsum(times) - times), times) + np.arange(times.sum())
    concept, weight = np.repeat(concept, times), np.repeat(weight, times)
    here = rng.random(place.size) < again[concept]
    strength = weight[here] * rng.lognormal(0, 0.5, size=int(here.sum()))
    return sparse.csc_array((strength, (place[here], concept[here])), shape=(passages.count, count))


def divide(rng: np.random.Generator, passages: Passages, parent: Csr, pieces: int) -> Csr:
    """One concept as several narrower ones: each article's occurrences go to one of them.

    Args:
        rng: Source of chance.
        passages: The passages.
        parent: CSC ``[passages, 1]``.
        pieces: How many; their shares are uneven.

    Returns:
        CSC ``[passages, pieces]``, whose sum is `parent`.
    """
    share = rng.dirichlet(np.full(pieces, 4.0))
    which = rng.choice(pieces, size=len(passages.mix), p=share)[passages.article]
    column = parent.toarray()[:, 0]
    return sparse.csc_array(np.stack([column * (which == piece) for piece in range(pieces)], axis=1))


def render(rng: np.random.Generator, strength: Csr) -> Csr:
    """What a dictionary's features show of the concepts, CSR ``[passages, features]``, float32, at least 0.

    Args:
        rng: Source of chance: gain, bend, noise, misses and false alarms of each feature.
        strength: CSC ``[passages, features]``: the concept of each feature.
    """
    n, count = strength.shape
    gain, bend = rng.lognormal(0, 1.5, size=count), rng.uniform(0.6, 1.5, size=count)
    miss, alarm = rng.beta(2, 7, size=count), rng.beta(1, 80, size=count)
    spread, cut = rng.uniform(0.1, 0.7, size=count), rng.uniform(0.0, 0.3, size=count)
    place = sparse.coo_array(strength)
    feature = place.col
    seen = place.data ** bend[feature] * rng.lognormal(0, spread[feature]) * (rng.random(place.nnz) > miss[feature])
    alarms = rng.binomial(n, alarm)
    false_feature = np.repeat(np.arange(count), alarms)
    at = rng.integers(0, n, size=false_feature.size)
    false: Csr = sparse.coo_array((rng.exponential(0.6, size=at.size), (at, false_feature)), shape=(n, count))
    there: Csr = sparse.coo_array((seen, (place.row, feature)), shape=(n, count))
    shown: Csr = sparse.csr_array(there.tocsr().maximum(false.tocsr()))
    # what is weak does not get past the activation's threshold
    shown.data = (gain[shown.indices] * np.maximum(shown.data - cut[shown.indices], 0)).astype(np.float32)
    shown.eliminate_zeros()
    return sparse.csr_array(shown, dtype=np.float32)
