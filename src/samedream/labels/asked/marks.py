"""Marks around a word of a passage: where a feature peaks, or, to see whether that matters, somewhere else."""

import re

import numpy as np

from samedream.labels.words import word_spans

OPEN, CLOSE = "<<", ">>"
Span = tuple[int, int]


def peak_word(text: str, span: Span) -> Span | None:
    """The whole word that a peak lies in, or the peak itself where it is no word; None where it marks nothing.

    Args:
        text: The passage.
        span: First character of the peak and the character after it; (-1, -1) stands for no peak.
    """
    start, end = span
    if start < 0 or not text[start:end].strip():
        return None
    over = [word for word in word_spans(text) if word[0] < end and word[1] > start]
    if len(over) > 1 and len(over) == len(word_spans(text)):
        return None  # one vector stands for the whole passage
    return over[0] if over else (start, end)


def elsewhere(text: str, span: Span, rng: np.random.Generator) -> Span | None:
    """Another word of the passage, any with the same chance; None where there is none.

    Delphi marks a fixed place (three quarters through), which tells the answer by position. Further occurrences of the
    peak's own word are left out: a mark on one of them would be as right.

    Args:
        text: The passage.
        span: The word that must not be marked.
        rng: Draws the word.
    """
    own = text[slice(*span)].casefold()
    others = [
        word
        for word in word_spans(text)
        if text[slice(*word)].casefold() != own and (word[1] <= span[0] or word[0] >= span[1])
    ]
    return others[rng.integers(len(others))] if others else None


def marked(text: str, span: Span | None) -> str:
    """The passage on one line, << >> around the span; marks that the text brings along are taken apart."""
    if span is None:
        return _plain(text)
    start, end = span
    return f"{_plain(text[:start], keep=True)}{OPEN}{_plain(text[start:end])}{CLOSE}{_plain(text[end:], keep=True)}"


def _plain(text: str, *, keep: bool = False) -> str:
    """One line, without marks; `keep`: a space at either end stays a space."""
    line = re.sub(r"\s+", " ", text.replace(OPEN, "< <").replace(CLOSE, "> >"))
    return line if keep else line.strip()
