"""A clean line → consecutive passages: they end at a sentence end, else at a word end; only spaces are lost."""

import re
import unicodedata

_SENTENCE_END = re.compile(
    r"[.!?…‽؟۔।॥։።၊។]+[\"'”’»›)\]]*(?= )"  # a space must follow: "3.14", "U.S"
    r"|[。！？｡．][」』”’）》】\"']*"
)
_LAST_TOKEN = re.compile(r"[^\s(\[\"“«]+$")
# Before a full stop these do not end a sentence. Single letters ("J. R. R.", "B.C.") never do.
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms st ste sr sra jr vs no nos ca cf al inc ltd co corp prof gen col lt sgt capt mt ft rev hon approx "
    "e.g i.e etc vol pp ed fig av apr j.-c env mme mlle bzw lat gr fl op art hl nr str".split()
)
# Scripts written without spaces between words: a line may break between any two of their characters.
_SCRIPTS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff"
)
UNSPACED = re.compile(f"[{_SCRIPTS}]")
_NO_START = frozenset("、。，．・：；？！ー々」』）》】〉〕’”ぁぃぅぇぉっゃゅょァィゥェォッャュョ｡､｣ๆฯ།")


def cut(text: str, limit: int) -> list[str]:
    """Cut a clean line into consecutive passages.

    Args:
        text: One line with single spaces, as `cleaning.clean` makes it.
        limit: Most characters of a passage. Only a single word that is longer makes a longer passage.

    Returns:
        The passages. The last sentence end is taken as the end, unless it comes in the first third of the limit; else
        the last word end.
    """
    passages: list[str] = []
    start = 0
    while len(text) - start > limit:
        end = _sentence_end(text, start, limit) or _word_end(text, start, limit)
        passages.append(text[start:end].strip())
        start = end + 1 if text[end : end + 1] == " " else end
    passages.append(text[start:].strip())
    return [passage for passage in passages if passage]


def _sentence_end(text: str, start: int, limit: int) -> int | None:
    """The last sentence end among the next `limit` characters, the first third left out."""
    found = None
    for match in _SENTENCE_END.finditer(text, start + limit // 3, start + limit + 1):
        if match.end() <= start + limit and _ends_sentence(text, match):
            found = match.end()
    return found


def _ends_sentence(text: str, match: "re.Match[str]") -> bool:
    following = text[match.end() + 1 : match.end() + 2] if text[match.end() : match.end() + 1] == " " else ""
    if following.islower():
        return False
    if match.group()[0] != ".":
        return True
    token = _LAST_TOKEN.search(text, max(0, match.start() - 20), match.start())
    word = token.group().casefold() if token else ""
    return not (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or re.fullmatch(r"(?:\w\.)+\w", word))


def _word_end(text: str, start: int, limit: int) -> int:
    """The last place before the limit where a word ends; past the limit when one word is longer than that."""
    for position in range(start + limit, start, -1):
        if _may_break(text, position):
            return position
    return next((position for position in range(start + limit + 1, len(text)) if _may_break(text, position)), len(text))


def _may_break(text: str, position: int) -> bool:
    """Whether a passage may end before the character at `position`."""
    here, before = text[position], text[position - 1]
    if here == " ":
        return True
    if before == " " or not (UNSPACED.match(before) and UNSPACED.match(here)):
        return False
    return here not in _NO_START and not unicodedata.category(here).startswith("M")
