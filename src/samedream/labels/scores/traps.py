"""Lexical traps: passages in which a feature's trigger word stands, wherever that is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samedream.labels.words import find_words

LEADING = 3  # of a feature's triggers; what it peaks on once is no trap

Places = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Passages, and first character and character after the trigger there."""


def find_places(texts: Sequence[str], triggers: Sequence[Sequence[str]]) -> dict[str, Places]:
    """Where each leading trigger stands first in each text; words whatever their case, whole words only.

    Args:
        texts: The passages.
        triggers: Of each feature, words and punctuation marks, the most frequent first.
    """
    wanted = {name.casefold() for mine in triggers for name in mine[:LEADING]}
    words = find_words(texts)
    index = {term.casefold(): i for i, term in enumerate(words.terms)}
    order = np.lexsort((words.start, words.passage, words.term))
    term, passage = words.term[order], words.passage[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(term) != 0) | (np.diff(passage) != 0)
    order = order[first]
    bounds = np.searchsorted(words.term[order], np.arange(len(words.terms) + 1))
    places = {}
    for name in sorted(wanted):
        if name in index:
            at = order[bounds[index[name]] : bounds[index[name] + 1]]
            places[name] = (words.passage[at], words.start[at], words.end[at])
        elif not any(map(str.isalnum, name)):
            places[name] = _of_mark(texts, name)
    return places


def _of_mark(texts: Sequence[str], mark: str) -> Places:
    found = np.array([text.find(mark) for text in texts], np.int64)
    passage = np.flatnonzero(found >= 0)
    return passage, found[passage], found[passage] + len(mark)


def traps(places: dict[str, Places], triggers: Sequence[str]) -> Places:
    """The passages that hold one of a feature's leading triggers, each once, at its most frequent trigger."""
    none = np.zeros(0, np.int64)
    mine = [places[name.casefold()] for name in triggers[:LEADING] if name.casefold() in places]
    passage, start, end = (np.concatenate([none, *(place[i] for place in mine)]) for i in range(3))
    _, first = np.unique(passage, return_index=True)
    return passage[first], start[first], end[first]
