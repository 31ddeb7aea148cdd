"""What a label rests on: each feature's strongest passages of the label fold, and the words that set it off there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.features.candidates import Best, Candidates
from samedream.labels.ctfidf import Csr
from samedream.labels.words import NONE, WHOLE, Words, words_at
from samedream.records import Passage

_ENTRIES = 1 << 20  # entries offered at a time


@dataclass(frozen=True)
class Evidence:
    """The strongest passages of every feature, at most one per article, best first within a feature; all [n].

    Attributes:
        feature: int32.
        passage: Index into the label fold's passages, int64.
        value: Activation of the peak, float64.
        start: First character of the peak, int64.
        end: Character after the peak, int64.
        fired: Passages of the label fold on which each feature fires, int64 [features].
    """

    feature: NDArray[np.int32]
    passage: NDArray[np.int64]
    value: NDArray[np.float64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    fired: NDArray[np.int64]

    def weights(self, passages: int) -> Csr:
        """Activation of each feature's evidence, float64 [passages, features]."""
        shape = (passages, len(self.fired))
        return sparse.csr_matrix((self.value, (self.passage, self.feature)), shape=shape)


def label_fold(passages: Sequence[Passage]) -> NDArray[np.int64]:
    """Index of every passage that labels may be made from, int64."""
    return np.array([i for i, passage in enumerate(passages) if passage.fold == "label"], np.int64)


def collect(
    activity: "sparse.csr_matrix[np.float32]",
    peaks: tuple[NDArray[np.uint32], NDArray[np.uint32]],
    *,
    rows: NDArray[np.int64],
    article: NDArray[np.int64],
    most: int,
) -> Evidence:
    """Find each feature's strongest passages.

    Args:
        activity: float32 [passages, features].
        peaks: First character and character after the peak of each stored value.
        rows: The passages that may be used, ascending; nothing else is looked at.
        article: Index of each of these passages' article, int64 [len(rows)].
        most: Passages kept for each feature.
    """
    width = activity.shape[1]
    best, fired = Best(width, most), np.zeros(width, np.int64)
    length = np.diff(activity.indptr)[rows].astype(np.int64)
    run = np.cumsum(length) // _ENTRIES
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(run)) + 1):
        of_entry = np.repeat(part, length[part])
        before = np.cumsum(length[part]) - length[part]
        entry = np.repeat(activity.indptr[rows[part]] - before, length[part]) + np.arange(len(of_entry))
        feature = activity.indices[entry].astype(np.int32)
        fired += np.bincount(feature, minlength=width)
        best.add(Candidates(feature, of_entry, article[of_entry], activity.data[entry].astype(np.float64), entry))
    kept = best.ranked()
    start, end = (side[kept.payload].astype(np.int64) for side in peaks)
    return Evidence(kept.feature, kept.passage, kept.score, start, end, fired)


@dataclass(frozen=True)
class Triggers:
    """What stands where each feature peaks.

    Attributes:
        names: Terms first (the words' own indices), then every punctuation mark that is a trigger.
        words: How many of the names are words.
        share: Activation-weighted share of each trigger, float64 [features, names]; a row sums to 1, or to 0 where no
            passage has a trigger (a whole passage was one vector).
        passages: In how many of the feature's passages each trigger is one, float64, stored where `share` is.
        at_start: Weighted share of the peaks in a passage's first word, float64 [features].
        at_end: Weighted share of the peaks in a passage's last word or after it, float64 [features].
        peak: The word of each piece of evidence: index into the words, `NONE` or `WHOLE`, int64 [n].
    """

    names: list[str]
    words: int
    share: Csr
    passages: Csr
    at_start: NDArray[np.float64]
    at_end: NDArray[np.float64]
    peak: NDArray[np.int64]


def find_triggers(evidence: Evidence, words: Words, texts: Sequence[str]) -> Triggers:
    """Find the word, or else the punctuation, that each peak stands in.

    Args:
        evidence: The strongest passages.
        words: The words of the label fold's passages.
        texts: These passages.
    """
    word = _peak_words(evidence, words, texts)
    name = np.full(len(word), -1, np.int64)
    name[word >= 0] = words.term[word[word >= 0]]
    marks: dict[str, int] = {}
    for i in np.flatnonzero(word == NONE):
        mark = _mark(texts[evidence.passage[i]][evidence.start[i] : evidence.end[i]])
        name[i] = marks.setdefault(mark, len(marks)) + len(words.terms)
    has = word != WHOLE
    width = len(evidence.fired)
    names = [*words.terms, *marks]
    place, shape = (evidence.feature[has], name[has]), (width, len(names))
    weighted = sparse.csr_matrix((evidence.value[has], place), shape=shape)
    total = np.maximum(np.bincount(evidence.feature[has], evidence.value[has], minlength=width), np.finfo(float).tiny)
    at_start, at_end = _at_edges(evidence, word, words)
    return Triggers(
        names,
        len(words.terms),
        sparse.csr_matrix(sparse.diags_array(1 / total) @ weighted),
        sparse.csr_matrix((np.ones(len(place[0])), place), shape=shape),
        np.bincount(evidence.feature, evidence.value * (at_start & has), minlength=width) / total,
        np.bincount(evidence.feature, evidence.value * (at_end & has), minlength=width) / total,
        word,
    )


def _peak_words(evidence: Evidence, words: Words, texts: Sequence[str]) -> NDArray[np.int64]:
    """The word of each peak. A token of space alone belongs to the word after it; a mark inside a word is a mark."""
    end, marks = evidence.end.copy(), np.zeros(len(evidence.end), bool)
    for i, (passage, first, last) in enumerate(zip(evidence.passage, evidence.start, evidence.end, strict=True)):
        piece = texts[passage][first:last]
        if not any(map(str.isalnum, piece)):
            end[i] += piece.isspace()
            marks[i] = not piece.isspace()
    word = words_at(words, evidence.passage, start=evidence.start, end=end)
    word[marks & (word != WHOLE)] = NONE
    return word


def _mark(piece: str) -> str:
    return piece.strip() or ("line break" if "\n" in piece else "space")


def _at_edges(evidence: Evidence, word: NDArray[np.int64], words: Words) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each peak is in its passage's first word, and whether it is in the last word or after it."""
    begins = np.searchsorted(words.passage, np.arange(words.passages + 1))
    first, beyond = begins[evidence.passage], begins[evidence.passage + 1]
    any_word = beyond > first
    last_end = words.end[np.maximum(beyond - 1, 0)] if len(words.end) else np.zeros(len(first), np.int64)
    at_end = any_word & ((word == beyond - 1) | ((word == NONE) & (evidence.start >= last_end)))
    return any_word & (word == first), at_end
