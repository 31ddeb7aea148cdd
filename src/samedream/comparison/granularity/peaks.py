"""What stands where a feature peaks: the word, and whether it is part of a name. Text in, `Peaks` out.

The rule for names is rough, and the same for every model: a word with a capital first letter that is neither the first
of its passage nor the first after a full stop, question or exclamation mark, and is not "I". In "In 1789 the people of
Paris stormed it" that is "Paris" alone. It misses names at the start of a sentence and after an abbreviation ("St.
Louis"), takes months and nationalities for names, takes every noun of German for one, and finds none in scripts without
capitals.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Csr, fires
from samedream.comparison.context import Peaks
from samedream.features.store import load_peaks
from samedream.labels.words import NONE, Words, find_words, words_at

_SENTENCE_END = re.compile(r"[.!?…。！？]")
_CHUNK = 1 << 20  # stored values looked up at a time


class PeakReader:
    """Looks up the peaks of any number of dictionaries in the same passages."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Find the words of the passages, in corpus order."""
        self._texts, self._words = texts, find_words(texts)
        self._entity = entity_words(texts, self._words)
        self._marks: dict[str, int] = {}

    def read(self, features: Path, activity: Csr) -> Peaks:
        """The peaks of one dictionary.

        Args:
            features: Its ``features/<reader>``.
            activity: Its activity as that stage stored it.

        Returns:
            In the order of the activity's CSR matrix with sorted columns. Values that are at most 20 % of their
            feature's maximum, which no measure uses, have no word.
        """
        matrix = sparse.csr_array(activity)
        numbered = sparse.csr_array(
            (np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape, copy=True
        )
        numbered.sort_indices()
        order = numbered.data
        wanted = np.flatnonzero(fires(matrix)[order])
        passage = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        start, end = load_peaks(features)
        word = np.full(matrix.nnz, -1, dtype=np.int32)
        entity = np.zeros(matrix.nnz, dtype=np.bool_)
        for begin in range(0, wanted.size, _CHUNK):
            some = wanted[begin : begin + _CHUNK]
            at = order[some]
            span = start[at].astype(np.int64), end[at].astype(np.int64)
            word[some], entity[some] = self._look_up(passage[some], *span)
        return Peaks(word=word, entity=entity)

    def _look_up(
        self, passage: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        found = words_at(self._words, passage, start=start, end=end)
        inside = found >= 0
        number = np.full(found.size, -1, dtype=np.int64)
        number[inside] = self._words.term[found[inside]]
        for at in np.flatnonzero(found == NONE):
            mark = self._texts[passage[at]][start[at] : end[at]].strip()
            number[at] = len(self._words.terms) + self._marks.setdefault(mark, len(self._marks))
        entity = np.zeros(found.size, dtype=np.bool_)
        entity[inside] = self._entity[found[inside]]
        return number, entity


def entity_words(texts: Sequence[str], words: Words) -> NDArray[np.bool_]:
    """Whether each word looks like part of a name (see the module's docstring), bool ``[words]``.

    Args:
        texts: The passages.
        words: Their words.
    """
    entity = np.zeros(words.term.size, dtype=np.bool_)
    places = zip(words.passage.tolist(), words.start.tolist(), words.end.tolist(), strict=True)
    before = (-1, 0)
    for at, (passage, start, end) in enumerate(places):
        text = texts[passage]
        if before[0] == passage and text[start].isupper() and text[start:end] != "I":
            entity[at] = _SENTENCE_END.search(text, before[1], start) is None
        before = passage, end
    return entity
