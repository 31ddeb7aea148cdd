"""A label's rule: the words behind it, with weights, to be counted in passages that it was not made from.

The rule is the keywords with their scores and the ten triggers with the largest share × log(1 + A / f), added up; of a
label that names a class of words ("years", words of one ending) it is that class. Measured inside the label fold of a
real study (labels from half of its articles, tried on the others), keywords and triggers together tell positives from
negatives better than either does, for every kind of feature but those of a class.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.ctfidf import best_terms, rarity
from samedream.labels.evidence import Triggers
from samedream.labels.words import Words

TRIGGERS = 10

Rule = list[tuple[str, float]]
"""Terms and weights, the largest first: a word, a pair of words, a mark as it is written, a class (`surface`)."""


def word_rules(
    keywords: Sequence[Sequence[tuple[str, float]]], triggers: Triggers, words: Words, *, texts: Sequence[str]
) -> list[Rule]:
    """The rule of every feature's keywords and triggers.

    Args:
        keywords: Terms and scores of each feature.
        triggers: What stands where each feature peaks.
        words: The words of the label fold.
        texts: Its passages.
    """
    names = [*triggers.names[: triggers.words], *map(as_written, triggers.names[triggers.words :])]
    weighted = sparse.csr_matrix(triggers.share @ sparse.diags_array(_rarities(names, words, texts)))
    rules = []
    for mine, leading in zip(keywords, best_terms(weighted, TRIGGERS), strict=True):
        weights = dict(mine)
        for i, weight in leading:
            weights[names[i]] = weights.get(names[i], 0.0) + weight
        rules.append(sorted(weights.items(), key=lambda item: (-item[1], item[0])))
    return rules


def as_written(mark: str) -> str:
    """A mark as it stands in a text."""
    return {"line break": "\n", "space": " "}.get(mark, mark)


def _rarities(names: Sequence[str], words: Words, texts: Sequence[str]) -> NDArray[np.float64]:
    """log(1 + A / f) of every word and mark, float64 [names]."""
    place = (np.ones(len(words.term)), (words.passage, words.term))
    counts = sparse.csr_matrix(place, shape=(words.passages, len(words.terms)))
    marks = [[text.count(mark) for mark in names[len(words.terms) :]] for text in texts]
    length = counts.sum() / max(words.passages, 1)
    of_marks = sparse.csr_matrix(np.array(marks, float).reshape(len(texts), -1))
    return np.concatenate([rarity(counts), rarity(of_marks, mean_length=length)])
