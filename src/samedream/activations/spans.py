"""Tokens of a passage with the characters they stand for.

Offsets come from the fast tokenizer, in characters of the text as given. A character that byte-level BPE or byte
fallback cuts over several tokens gives each of them its whole span. Leading whitespace (the marker of a word's
beginning) is not part of a span; a token that is nothing but whitespace keeps it.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_SURROGATES = re.compile("[\ud800-\udfff]")


class TokenizedPassage(NamedTuple):
    """A passage as the model reads it.

    Attributes:
        ids: All token ids, special ones too.
        kept: Positions in `ids` of the tokens that stand for text, int64 [kept], ascending.
        start: First character of each kept token, int32 [kept].
        end: One past its last character, int32 [kept].
    """

    ids: list[int]
    kept: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]


def strip_span(text: str, start: int, end: int) -> tuple[int, int]:
    """Take leading whitespace off a span, unless nothing else is in it."""
    piece = text[start:end]
    stripped = piece.lstrip()
    return (end - len(stripped), end) if stripped else (start, end)


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[TokenizedPassage]:
    """Cut texts into tokens with spans.

    Args:
        tokenizer: A fast tokenizer of `transformers`.
        texts: Any text; a lone surrogate is read as U+FFFD.

    Returns:
        One per text. Special tokens (those the tokenizer adds, and their names standing in the text) and tokens without
        characters are in `ids` but not kept.
    """
    if not texts:
        return []
    clean = [_SURROGATES.sub("�", text) for text in texts]
    encoded = tokenizer(
        clean,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_attention_mask=False,
        padding=False,
        truncation=False,
        verbose=False,
    )
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}  # an unknown word still stands for its text
    result = []
    for row, text in enumerate(clean):
        ids, marks = encoded["input_ids"][row], encoded["special_tokens_mask"][row]
        places, spans = [], []
        for place, (start, end) in enumerate(encoded["offset_mapping"][row]):
            if end > start and not marks[place] and ids[place] not in special:
                places.append(place)
                spans.append(strip_span(text, start, end))
        edges = np.array(spans, np.int32).reshape(-1, 2)
        result.append(TokenizedPassage(ids, np.array(places, np.int64), edges[:, 0].copy(), edges[:, 1].copy()))
    return result
