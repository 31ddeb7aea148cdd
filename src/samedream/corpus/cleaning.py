"""Raw text → one clean line: reference marks, formulas, leftovers of wiki markup and odd whitespace go, words stay."""

import html
import re
import unicodedata

_ROUNDS = 8  # what one removal leaves may be a mark again ("&amp;lt;"); two rounds are the rule
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]"
)
_SPACE = re.compile(r"\s+")
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z]\w{1,30});")
_TEMPLATE = re.compile(r"\{\{[^{}]{0,2000}(?:\}\}|$)")
_PROTECTED = re.compile(r"\bPROT\d+\b")
_REFERENCE = re.compile(
    r"<ref\b[^<>]*/>|<ref\b[^<>]*>[^<>]{0,2000}</ref\s*>"
    r"|</?ref\b(?:\s+\w+=(?:\"[^\"<>]{0,200}\"|[^\s<>\"]{1,200}))*\s*/?>?",  # an unclosed one takes no text with it
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(?:br|hr|sup|sub|small|big|b|i|u|em|strong|span|div|p|code|pre|tt|font|center|nowiki|math|blockquote|gallery|table"
    r"|tr|td|th|cite|li|ul|ol|a)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_MARK = re.compile(
    r"\[\s*(?:\d{1,3}(?:\s*[,–-]\s*\d{1,3})*|[a-z]|(?:note|nb|n|nota|nota?|Note|N|réf\.?)\s*\d{1,3}|update"
    r"|(?:citation|clarification|page) needed|(?:réf\. nécessaire|cita requerida)|who\?|when\?|which\?)\s*\]"
)
_PAGE_MARK = re.compile(r"(?<=[.!?»”\"])\s?:\s\d{1,4}(?:\s?[,–-]\s?\d{1,4})*(?=\s|$)")
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]{0,300}\|)?([^\[\]|]{0,300})\]\]")
_QUOTES = re.compile(r"'{2,5}")
_CUT_SOUND = re.compile(r"\b(?:IPA|API|AFI|pronounced|prononcé|pronunciado)\s?:?\s*(?=[,;)])")
_OPENING = re.compile(r"([(\[])\s*[,;:]?\s+|([(\[])[,;](?=\S)")
_EMPTY_BRACKETS = re.compile(r"\([\s,;:()]*\)|\[[\s,;:\[\]]*\]")
_SPACE_BEFORE = re.compile(r" +([,.)\]]+(?=[\s,;:.!?)\]'\"”’»]|$))")
_ELISION = re.compile(r"(?<![\w'’])([cdjlmst]|qu|[CDJLMST]|Qu)(['’]) (?=\w)")
_GLUED_SENTENCES = re.compile(r"[.!?](?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ])(?<=[a-zà-öø-ÿ]{2}.)")
_BULLET = re.compile(r"^(?:[*#•|·]+(?= )|[:;,]+) ?")
_HATNOTE = re.compile(
    r'(?:"[^"]{1,60}" redirects here\.\s*)(?:For [^.:]{1,80}, see [^.]{1,80}\.\s*)?'
    r"|(?:This (?:article|page) is about [^.]{1,120}\.\s*)(?:For [^.:]{1,80}, see [^.]{1,80}\.\s*)?"
    r"|For (?:other|the|an?) [^.:]{1,80}, see(?: also)? [^.]{1,80}\.\s*"
)


def clean(text: str) -> str:
    r"""Clean a paragraph into one line. Cleaning twice changes nothing more.

    Lone surrogates, control and invisible characters go, whitespace becomes single spaces, characters are composed
    (NFC). Reference marks ("[12]", "[citation needed]"), formulas ("{\displaystyle …}"), tags, templates, empty
    brackets, and the spaces that removed marks leave before commas go too.
    """
    for _ in range(_ROUNDS):
        cleaned = _clean_once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _clean_once(text: str) -> str:
    text = _characters(text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if "{" in text:
        text = _TEMPLATE.sub(" ", _drop_formulas(text))
    if "<" in text:
        text = _TAG.sub(" ", _REFERENCE.sub(" ", text))
    if "[" in text:
        text = _WIKI_LINK.sub(r"\1", _MARK.sub(" ", text))
    if "''" in text:
        text = _QUOTES.sub("", text)
    if "PROT" in text:
        text = _PROTECTED.sub(" ", text)
    if ": " in text:
        text = _PAGE_MARK.sub("", text)
    return _spacing(text)


def _characters(text: str) -> str:
    if not text.isprintable() or "\ufffd" in text:  # most text is printable as it stands, and the test is quick
        text = _INVISIBLE.sub("", text.encode("utf-8", "ignore").decode())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _spacing(text: str) -> str:
    if not text.isprintable() or "  " in text:
        text = _SPACE.sub(" ", text)
    if "(" in text or "[" in text:
        text = _CUT_SOUND.sub("", text)
        text = _OPENING.sub(lambda match: match.group(1) or match.group(2), _EMPTY_BRACKETS.sub(" ", text))
    if " ," in text or " ." in text or " )" in text or " ]" in text:
        text = _SPACE_BEFORE.sub(r"\1", text)
    text = _GLUED_SENTENCES.sub(r"\g<0> ", text)
    if "' " in text or "’ " in text:
        text = _ELISION.sub(r"\1\2", text)
    if "see " in text or "redirects here" in text:
        text = _HATNOTE.sub("", text)
    return _BULLET.sub("", _SPACE.sub(" ", text).strip())


def _drop_formulas(text: str) -> str:
    r"""Remove every balanced "{\displaystyle …}" (or textstyle, scriptstyle), however deeply it nests."""
    kept: list[str] = []
    start = 0
    for match in re.finditer(r"\{\\(?:displaystyle|textstyle|scriptstyle)", text):
        if match.start() < start:
            continue
        kept += [text[start : match.start()], " "]
        start = _closing(text, match.start()) or match.end()
    return "".join([*kept, text[start:]]) if start else text


def _closing(text: str, opening: int) -> int | None:
    """The position after the brace that closes the one at `opening`, or None when it is never closed."""
    depth = 0
    for match in re.finditer(r"[{}]", text[opening : opening + 20_000]):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return opening + match.end()
    return None
