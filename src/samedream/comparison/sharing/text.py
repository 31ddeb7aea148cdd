"""The words of passages and the kinds of boilerplate they hold: text in, arrays out."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from samedream.comparison.activity import Csr

MIN_PASSAGES = 5  # of a word; a rare one cannot flatter itself, it is chosen on one half and scored on the other
MAX_WORDS = 4096  # the most frequent; bounds the dense [words, words] matrix of `words`
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Thai, kana, Chinese characters
_WORD = rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+|[^\w\s]"

Mask = NDArray[np.bool_]

_ROMAN = r"(?!(?:[IVXLCDM]+|BC|AD|BCE|CE)\b)"  # "XIV" and "BCE" are no acronyms
_MONTHS = "January|February|March|April|June|July|August|September|October|November|December"
_CONTESTS = (
    r"championships?|champions?|tournaments?|leagues?|cups?|olympics?|medal(?:s|lists?)?|match(?:es)?|teams?|players?|"
    r"football(?:er)?s?|basketball|baseball|cricket(?:er)?s?|rugby|tennis|hockey|golf|athlet(?:es?|ics)|sports?|racing|"
    r"coach(?:es)?|competitions?|competed|contests?|elections?|elected|candidates?"
)
FLAGS: dict[str, re.Pattern[str]] = {
    "sports and competitions": re.compile(rf"\b(?:{_CONTESTS})\b", re.I),
    "dates": re.compile(rf"\b(?:1\d|20)\d\ds?\b|\b(?:{_MONTHS}|BCE?|CE)\b|\bcentur(?:y|ies)\b"),
    "acronyms": re.compile(rf"\b{_ROMAN}[A-ZÀ-ÖØ-ÞΑ-ΩА-Я](?:[.&-]?[A-ZÀ-ÖØ-ÞΑ-ΩА-Я])+\b"),
    "numbers": re.compile(r"\b(?!(?:1\d|20)\d\ds?\b)\d+(?:[.,]\d+)*\b"),
    "definitions": re.compile(r"^.{0,120}?\b(?:is|are|was|were) (?:an?|the|one of)\b", re.S),
}
"""Kind of boilerplate → what makes a passage one of that kind. Words and months are English; acronyms need capitals."""

EVIL_THREE = ("sports and competitions", "dates", "acronyms")
"""What kept coming up among the first exemplars this project ever looked at."""


def count_words(texts: Sequence[str]) -> tuple[Csr, tuple[str, ...]]:
    """How often each word stands in each passage.

    Words are runs of letters in lower case; marks of punctuation and characters of scripts without spaces are words of
    their own, as they are tokens of their own. Every digit is read as 0, so that "1984" and "1985" are one word: a
    year's features fire on years. Kept are the words of at least 5 passages, at most 4,096.

    Returns:
        CSR ``[passages, words]``, float32, and the words in the order of the alphabet; no words where none is frequent.
    """
    counter = CountVectorizer(
        preprocessor=_plain, tokenizer=re.compile(_WORD).findall, token_pattern=None, min_df=MIN_PASSAGES,
        max_features=MAX_WORDS, dtype=np.float32,
    )  # fmt: skip
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # sklearn's way to say that no word is left
        return sparse.csr_array((len(texts), 0), dtype=np.float32), ()
    return sparse.csr_array(counts), tuple(str(word) for word in counter.get_feature_names_out())


def flag(texts: Sequence[str]) -> dict[str, Mask]:
    """Kind of boilerplate → whether each passage is of that kind, bool ``[passages]``."""
    return {
        kind: np.fromiter((bool(pattern.search(text)) for text in texts), dtype=np.bool_, count=len(texts))
        for kind, pattern in FLAGS.items()
    }


def _plain(text: str) -> str:
    return re.sub(r"\d", "0", text.lower())
