"""Pairs of words that stand side by side, and what stands beside the words that a feature peaks on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import Csr, best_terms
from samedream.labels.evidence import Evidence
from samedream.labels.words import WHOLE, Words

_LEAST = 3  # passages in which a pair must stand to be a term


def follows(words: Words, texts: Sequence[str], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the next word stands beside each of these words: in the same text, nothing but space between.

    Args:
        words: The words of the texts.
        texts: The texts.
        at: Indices of words, none of them the last one, int64 [n].
    """
    near: NDArray[np.bool_] = (words.passage[at] == words.passage[at + 1]) & (words.start[at + 1] > words.end[at])
    for i in np.flatnonzero(near):
        word = at[i]
        near[i] = texts[words.passage[word]][words.end[word] : words.start[word + 1]].isspace()
    return near


@dataclass(frozen=True)
class Pairs:
    """Pairs of neighbouring words that are terms of their own.

    Attributes:
        names: "world war".
        counts: How often each stands in each passage, float64 [passages, pairs].
    """

    names: list[str]
    counts: Csr


def find_pairs(words: Words, texts: Sequence[str], frequent: NDArray[np.bool_]) -> Pairs:
    """Every pair without a function word that stands in at least three passages.

    Args:
        words: The words of the texts.
        texts: The texts.
        frequent: Whether each term is a function word, bool [terms].
    """
    stride = len(words.terms) + 1
    key = words.term[:-1].astype(np.int64) * stride + words.term[1:]
    said = np.flatnonzero(~frequent[words.term[:-1]] & ~frequent[words.term[1:]])
    pair, times = np.unique(key[said], return_counts=True)
    said = said[np.isin(key[said], pair[times >= _LEAST])]
    said = said[follows(words, texts, said)]
    pair, member = np.unique(key[said], return_inverse=True)
    counts = sparse.csr_matrix((np.ones(len(said)), (words.passage[said], member)), shape=(words.passages, len(pair)))
    holding = np.bincount(counts.indices, minlength=len(pair))
    kept = np.flatnonzero(holding >= _LEAST)
    names = [f"{words.terms[number // stride]} {words.terms[number % stride]}" for number in pair[kept]]
    return Pairs(names, sparse.csr_matrix(counts[:, kept]))


@dataclass(frozen=True)
class Phrase:
    """A pair of words at a feature's peaks: its share of the activation, and whether both are function words."""

    name: str
    share: float
    functional: bool


def next_words(
    evidence: Evidence, peak: NDArray[np.int64], words: Words, *, texts: Sequence[str], most: int
) -> list[list[str]]:
    """What stands after the word a feature peaks on, by its share of the activation, largest first, per feature.

    Args:
        evidence: The strongest passages.
        peak: The word of each peak, negative where there is none (`Triggers.peak`), int64 [n].
        words: The words of the passages.
        texts: The passages.
        most: Words listed.
    """
    at = np.flatnonzero((peak >= 0) & (peak < len(words.term) - 1))
    at = at[follows(words, texts, peak[at])]
    shape = (len(evidence.fired), len(words.terms))
    place = (evidence.feature[at], words.term[peak[at] + 1])
    listed = best_terms(sparse.csr_matrix((evidence.value[at], place), shape=shape), most)
    return [[words.terms[term] for term, _ in row] for row in listed]


def leading_phrases(
    evidence: Evidence, peak: NDArray[np.int64], words: Words, *, texts: Sequence[str], frequent: NDArray[np.bool_]
) -> list[Phrase | None]:
    """The pair of words, one of them a peak's, that most of a feature's activation is on; None without one.

    Args:
        evidence: The strongest passages.
        peak: The word of each peak, negative where there is none, int64 [n].
        words: The words of the passages.
        texts: The passages.
        frequent: Whether each term is a function word, bool [terms].
    """
    stride = len(words.terms) + 1
    feature, first = [], []
    for shift in (0, -1):
        at = np.flatnonzero((peak + shift >= 0) & (peak + shift < len(words.term) - 1) & (peak >= 0))
        at = at[follows(words, texts, peak[at] + shift)]
        feature.append(at)
        first.append(peak[at] + shift)
    rows, word = np.concatenate(feature), np.concatenate(first)
    pair, column = np.unique(words.term[word].astype(np.int64) * stride + words.term[word + 1], return_inverse=True)
    has = peak != WHOLE
    total = np.bincount(evidence.feature[has], evidence.value[has], minlength=len(evidence.fired))
    shape = (len(evidence.fired), len(pair))
    weighted = sparse.csr_matrix((evidence.value[rows], (evidence.feature[rows], column)), shape=shape)
    found: list[Phrase | None] = []
    for mine, all_of_it in zip(best_terms(weighted, 1), total, strict=True):
        if not mine:
            found.append(None)
            continue
        number, value = mine[0]
        one, two = divmod(int(pair[number]), stride)
        functional = bool(frequent[one] and frequent[two])
        found.append(Phrase(f"{words.terms[one]} {words.terms[two]}", value / all_of_it, functional))
    return found
