"""How often the terms of rules stand in passages: words, pairs of words, marks, and classes of words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import Csr
from samedream.labels.neighbours import follows
from samedream.labels.surface import is_class, member
from samedream.labels.words import Words, find_words

_Entries = tuple[NDArray[np.int64], NDArray[np.float64]]  # passages, and how often


def count_terms(texts: Sequence[str], terms: Sequence[str]) -> Csr:
    """How often each term stands in each text, float64 [texts, terms]; words whatever their case.

    Args:
        texts: The passages.
        terms: Words ("chess"), pairs of words with a space between ("world war"), marks (","), classes of words
            ("<year>", see `surface`).
    """
    words = find_words(texts)
    index = {term.casefold(): i for i, term in enumerate(words.terms)}
    by_term = sparse.csc_matrix(
        (np.ones(len(words.term)), (words.passage, words.term)), shape=(len(texts), len(words.terms))
    )
    pairs = _Pairs(words, texts, [term for term in terms if _is_pair(term)])
    columns: list[_Entries] = []
    for term in terms:
        if is_class(term):
            mine = [i for i, word in enumerate(words.terms) if member(term, word)]
            columns.append(_dense(np.asarray(by_term[:, mine].sum(axis=1)).ravel()))
        elif _is_pair(term):
            columns.append(pairs.of(term))
        elif any(map(str.isalnum, term)):
            i = index.get(term.casefold())
            columns.append(_column(by_term, i) if i is not None else _dense(np.zeros(0)))
        else:
            columns.append(_dense(np.array([text.count(term) for text in texts], float)))
    row, value = (
        (np.concatenate([np.zeros(0, np.int64), *side]) for side in zip(*columns, strict=True))
        if columns
        else (np.zeros(0, np.int64), np.zeros(0))
    )
    column = np.repeat(np.arange(len(terms)), [len(passages) for passages, _ in columns])
    return sparse.csr_matrix((value.astype(np.float64), (row, column)), shape=(len(texts), len(terms)))


def _is_pair(term: str) -> bool:
    return len(term.split()) == 2


def _column(matrix: "sparse.csc_matrix[np.float64]", i: int) -> _Entries:
    part = slice(matrix.indptr[i], matrix.indptr[i + 1])
    return matrix.indices[part].astype(np.int64), matrix.data[part]


def _dense(counts: NDArray[np.float64]) -> _Entries:
    passages = np.flatnonzero(counts)
    return passages, counts[passages]


class _Pairs:
    """Where wanted pairs of words stand."""

    def __init__(self, words: Words, texts: Sequence[str], wanted: Sequence[str]) -> None:
        index = {term.casefold(): i for i, term in enumerate(words.terms)}
        stride = len(words.terms) + 1
        self._key = {}
        for pair in wanted:
            first, second = (index.get(word.casefold()) for word in pair.split())
            if first is not None and second is not None:
                self._key[pair] = first * stride + second
        candidates = words.term[:-1].astype(np.int64) * stride + words.term[1:]
        maybe = np.flatnonzero(np.isin(candidates, list(self._key.values())))
        beside = maybe[follows(words, texts, maybe)]
        order = beside[np.argsort(candidates[beside], kind="stable")]
        self._found, self._passage = candidates[order], words.passage[order]

    def of(self, pair: str) -> _Entries:
        if pair not in self._key:
            return _dense(np.zeros(0))
        first, beyond = np.searchsorted(self._found, [self._key[pair], self._key[pair] + 1])
        passages, times = np.unique(self._passage[first:beyond], return_counts=True)
        return passages, times.astype(np.float64)
