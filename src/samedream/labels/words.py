"""Whole words of the passages, with their places.

A word is a run of letters, digits and combining marks, with apostrophes and hyphens inside ("don't",
"state-of-the-art"), or a number with its separators ("1,234.5"). Scripts written without spaces have no such runs: Han
and kana are cut into overlapping pairs of characters, as search engines do; Thai, Lao, Khmer and Burmese into
overlapping fours.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

_PAIRED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Han and kana
_QUARTERED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
NONE = -1  # no word there: punctuation or space
WHOLE = -2  # the span is the whole passage, so no word is the trigger


@dataclass(frozen=True)
class Words:
    """Every word of some passages, in order.

    Attributes:
        terms: The commonest spelling of each term; terms are told apart case-folded, a possessive 's taken off.
        term: Index into `terms`, int32 [words].
        passage: Index of the passage, ascending, int64 [words].
        start: First character, int64 [words].
        end: Character after the last, int64 [words].
        passages: How many passages there are.
    """

    terms: list[str]
    term: NDArray[np.int32]
    passage: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    passages: int


@cache
def _pattern() -> re.Pattern[str]:
    """Numbers, unspaced runs (groups "paired" and "quartered"), words: the class w of `re` lacks combining marks."""
    marks = "".join(re.escape(chr(i)) for i in range(0x10000) if unicodedata.category(chr(i)).startswith("M"))
    letter = rf"(?:(?![{_PAIRED}{_QUARTERED}])[^\W_]|(?![{_QUARTERED}])[{marks}])"
    return re.compile(
        rf"(?P<paired>[{_PAIRED}]+)|(?P<quartered>[{_QUARTERED}]+)|\d+(?:[.,]\d+)+(?!{letter})"
        rf"|{letter}+(?:['’‐‑-]{letter}+)*"
    )


def word_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the words of a text, in order."""
    spans = []
    for match in _pattern().finditer(text):
        size = {"paired": 2, "quartered": 4}.get(match.lastgroup or "", 0)
        start, end = match.span()
        if not size or end - start <= size:
            spans.append((start, end))
        else:
            spans.extend((i, i + size) for i in range(start, end - size + 1))
    return spans


def _without_possessive(word: str) -> str:
    return word[:-2] if word[-2:].casefold() in ("'s", "’s") and len(word) > 2 else word


def find_words(texts: Sequence[str]) -> Words:
    """Find the words of all passages."""
    spellings: dict[str, int] = {}
    spelling: list[int] = []
    bounds: list[tuple[int, int, int]] = []
    for passage, text in enumerate(texts):
        for start, end in word_spans(text):
            word = sys.intern(_without_possessive(text[start:end]))
            spelling.append(spellings.setdefault(word, len(spellings)))
            bounds.append((passage, start, end))
    terms, term_of_spelling = _terms(list(spellings), np.bincount(spelling, minlength=len(spellings)))
    place = np.array(bounds, np.int64).reshape(-1, 3)
    term = term_of_spelling[np.array(spelling, np.int64)]
    return Words(terms, term, place[:, 0], place[:, 1], place[:, 2], len(texts))


def _terms(spellings: list[str], counts: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int32]]:
    """Merge spellings that differ in case only; the commonest one (then the first in the text) is shown."""
    index: dict[str, int] = {}
    best: list[int] = []
    term_of_spelling = np.zeros(len(spellings), np.int32)
    for i, spelling in enumerate(spellings):
        term = index.setdefault(spelling.casefold(), len(index))
        if term == len(best):
            best.append(i)
        elif counts[i] > counts[best[term]]:
            best[term] = i
        term_of_spelling[i] = term
    return [spellings[i] for i in best], term_of_spelling


def words_at(
    words: Words, passage: NDArray[np.int64], *, start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The word that each span lies in: the one it overlaps most, the first of equals.

    Args:
        words: The passages' words.
        passage: Passage of each span, int64 [spans].
        start: First character of each span, int64 [spans].
        end: Character after each span, int64 [spans]; an empty span counts as one character.

    Returns:
        Index into the words, `NONE` where the span touches none, `WHOLE` where it covers a passage of several words;
        int64 [spans].
    """
    end = np.maximum(end, start + 1)
    stride = int(max(words.end.max(initial=0), end.max(initial=0))) + 1
    low, high = words.passage * stride + words.start, words.passage * stride + words.end
    first, last = passage * stride + start, passage * stride + end
    found = np.full(len(passage), NONE, np.int64)
    most = np.zeros(len(passage), np.int64)
    nearest = np.searchsorted(low, last) - 1  # the last word that begins before the span's end
    for back in range(5):  # overlapping pieces of unspaced scripts: four at most hold one character
        word = np.maximum(nearest - back, 0)
        if not len(low):
            break
        overlap = np.minimum(high[word], last) - np.maximum(low[word], first)
        better = (nearest - back >= 0) & (overlap > 0) & (overlap >= most)
        found[better], most[better] = word[better], overlap[better]
    begins = np.searchsorted(words.passage, np.arange(words.passages + 1))
    several = begins[passage + 1] - begins[passage] > 1
    if len(low):
        covers = (first <= low[np.minimum(begins[passage], len(low) - 1)]) & (last >= high[begins[passage + 1] - 1])
        found[several & covers] = WHOLE
    return found
