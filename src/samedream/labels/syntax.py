"""Features that peak on words of one spelling: acronyms, or one ending ("-ing", "-ed", "-s")."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samedream.labels.ctfidf import presence
from samedream.labels.evidence import Triggers
from samedream.labels.surface import common_classes, membership, shares_of_words
from samedream.labels.words import Words

_LEAST_WORDS = 5  # different words of the class among the triggers: fewer are a family of words
_LIFT = 2.0
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class WordClass:
    """A class of words that takes a feature's peaks: its name ("<-ing>"), its share of them, and the commonest."""

    name: str
    share: float
    examples: Sequence[str]


def leading_classes(triggers: Triggers, words: Words, most: int) -> list[WordClass | None]:
    """For each feature the class of words that its triggers are of more than chance; None without one.

    A class must have five different words among the triggers and at least twice its share of all words, by more than
    three standard deviations (a binomial count over the passages). Of several it is the one that says most: the largest
    share × log lift.

    Args:
        triggers: What stands where each feature peaks.
        words: The words of the label fold.
        most: Examples listed.
    """
    if not len(words.term):
        return [None] * triggers.share.shape[0]
    classes = common_classes(words)
    members = membership(words.terms, classes)
    base = np.maximum(shares_of_words(words, members), 1 / len(words.term))
    of_words, times = triggers.share[:, : triggers.words], triggers.passages[:, : triggers.words]
    share = (of_words @ members).toarray()
    count = np.asarray(triggers.passages.sum(axis=1)).ravel()[:, None]
    held = (times @ members).toarray()
    different = (presence(times) @ members).toarray()
    chance = base * count
    sure = held > chance + _DEVIATIONS * np.sqrt(chance * (1 - np.minimum(base, 1)))
    fits = sure & (different >= _LEAST_WORDS) & (share >= _LIFT * base)
    gain = np.where(fits, share * np.log(np.maximum(share, 1e-9) / base), -np.inf)
    best = gain.argmax(axis=1)
    found: list[WordClass | None] = []
    for feature, column in enumerate(best):
        if not fits[feature, column]:
            found.append(None)
            continue
        mine = of_words[[feature]].multiply(members[:, [column]].T).tocsr()
        order = np.lexsort((mine.indices, -mine.data))[:most]
        examples = [words.terms[mine.indices[i]] for i in order]
        found.append(WordClass(classes[column], float(share[feature, column]), examples))
    return found
