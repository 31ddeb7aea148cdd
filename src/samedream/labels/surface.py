"""Classes of words that their spelling alone decides: years, numbers, acronyms, words of one ending.

A class is named in angle brackets where terms are listed: "<year>", "<number>", "<acronym>", "<-ing>".
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import Csr
from samedream.labels.words import Words

YEAR, NUMBER, ACRONYM = "<year>", "<number>", "<acronym>"
_PATTERNS = {
    YEAR: re.compile(r"(?:1\d|20)\d\d(?:s)?"),
    NUMBER: re.compile(r"\d[\d.,]*"),
    ACRONYM: re.compile(r"(?=.*[A-Z].*[A-Z])[A-Z\d]{2,}(?:-[A-Z\d]+)*s?"),
}
_LONGEST = 4  # letters of an ending
_STEM = 2  # letters before an ending, at least
_COMMON = 0.005  # an ending of fewer of the words is none of the language's
_WORDS = 20  # different words that an ending must have


def member(name: str, word: str) -> bool:
    """Whether a word, as it is spelt most often, is of a class."""
    if name in _PATTERNS:
        return _PATTERNS[name].fullmatch(word) is not None
    ending = name[2:-1]
    return word.isalpha() and len(word) >= len(ending) + _STEM and word.casefold().endswith(ending)


def is_class(name: str) -> bool:
    """Whether a term is the name of a class."""
    return name in _PATTERNS or (name.startswith("<-") and name.endswith(">"))


def common_classes(words: Words) -> list[str]:
    """Acronyms, and every ending of up to four letters that is frequent among these passages' words."""
    frequency = np.bincount(words.term, minlength=len(words.terms))
    share: dict[str, float] = {}
    different: dict[str, int] = {}
    for term, times in zip(words.terms, frequency, strict=True):
        if term.isalpha():
            for size in range(1, min(_LONGEST, len(term) - _STEM) + 1):
                ending = term.casefold()[-size:]
                share[ending] = share.get(ending, 0) + times / len(words.term)
                different[ending] = different.get(ending, 0) + 1
    frequent = (ending for ending, part in share.items() if part >= _COMMON and different[ending] >= _WORDS)
    kept = sorted(frequent, key=lambda ending: (-len(ending), ending))  # of two that say as much the longer is taken
    return [ACRONYM, *(f"<-{ending}>" for ending in kept)]


def membership(terms: Sequence[str], classes: Sequence[str]) -> Csr:
    """1 where a term is of a class, float64 [terms, classes]."""
    of_ending = {name[2:-1]: column for column, name in enumerate(classes) if name not in _PATTERNS}
    patterns = [(column, _PATTERNS[name]) for column, name in enumerate(classes) if name in _PATTERNS]
    entries: list[tuple[int, int]] = []
    for i, term in enumerate(terms):
        entries += [(i, column) for column, pattern in patterns if pattern.fullmatch(term)]
        if term.isalpha():
            folded = term.casefold()
            endings = (folded[-size:] for size in range(1, min(_LONGEST, len(term) - _STEM) + 1))
            entries += [(i, of_ending[ending]) for ending in endings if ending in of_ending]
    row, column = np.array(entries, np.int64).reshape(-1, 2).T
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(terms), len(classes)))


def shares_of_words(words: Words, members: Csr) -> NDArray[np.float64]:
    """Share of the passages' words that are of each class, float64 [classes]."""
    frequency = np.bincount(words.term, minlength=len(words.terms)) / max(len(words.term), 1)
    return np.asarray(members.T @ frequency)
