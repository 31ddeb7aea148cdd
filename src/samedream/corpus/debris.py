"""Which passages are no prose: lists, numbers, formulas, code and leftovers of tables."""

import re
import unicodedata

from samedream.corpus.cutting import UNSPACED

_SYMBOL = re.compile(r"[^\w\s]|[\d_]")
_SEPARATORS = ",;•·|*&–—=→/、，；"
_WORD = re.compile(r"[^\W_]+(?:['’-]\w+)*")
_TEX = re.compile(r"\\[A-Za-z]+|[_^]\{|\\[,;!]")
_MARKUP = re.compile(
    r"\|\||\{\||\|\}|\b(?:align|style|colspan|rowspan|bgcolor|width)\s?=|https?://\S+.*https?://|={2,}"
)
_NAVIGATION = re.compile(
    r"(?:see also|main articles?|further information|external links?|see main|related articles?|voir aussi"
    r"|articles? détaillés?|véase también|artículo principal)\b.{0,3}:",
    re.IGNORECASE,
)
_MEANINGS = re.compile(
    r"\b(?:may (?:also )?refer to|(?:can|may) mean|peut (?:aussi )?désigner|peut faire référence à|puede referirse a)\b"
    r"[^.:]{0,20}:"
)
_MAX_SYMBOL_SHARE = 0.35
_MAX_SEPARATORS_PER_WORD = 0.45
_MAX_CAPITALS_SHARE = 0.45
_MIN_DISTINCT_SHARE = 0.4
_MIN_WORDS = 6
_MAX_COLONS = 3


def debris_reason(text: str) -> str | None:
    """Why a passage is no prose, or None when it is.

    The bounds were set by reading what they drop of Wikipedia in English, French and Spanish: prose that enumerates
    stays.
    """
    if _NAVIGATION.match(text) or (":" in text and _MEANINGS.search(text)):
        return "navigation notes"
    if ("\\" in text and len(_TEX.findall(text)) >= 2) or (re.search(r"[=|]|//", text) and _MARKUP.search(text)):
        return "formulas and markup"
    solid = len(text) - text.count(" ")
    if _symbols(text, solid) > _MAX_SYMBOL_SHARE * solid:
        return "mostly digits and symbols"
    if sum(map(str.isupper, text)) > _MAX_CAPITALS_SHARE * solid:
        return "mostly capitals"
    words = _WORD.findall(text)
    if len(words) < _MIN_WORDS:
        # Scripts without spaces have few "words"; elsewhere these are very long ones: an address, a formula, code.
        return None if UNSPACED.search(text) else "too few words"
    if len({word.casefold() for word in words}) < _MIN_DISTINCT_SHARE * len(words):
        return "repetitions"
    if text.count(": ") > max(_MAX_COLONS, len(words) // 12):
        return "lists"
    if sum(map(text.count, _SEPARATORS)) > _MAX_SEPARATORS_PER_WORD * len(words):
        return "lists"
    return None


def _symbols(text: str, solid: int) -> int:
    """Digits and symbols; the vowel signs of Indic and other scripts are not symbols."""
    found = _SYMBOL.findall(text)
    if len(found) <= _MAX_SYMBOL_SHARE * solid or text.isascii():
        return len(found)
    return sum(not unicodedata.category(character).startswith("M") for character in found)
