"""Every token's span is the text it stands for, whatever the tokenizer and the script."""

import numpy as np
import pytest
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.activations.spans import strip_span, tokenize

PIECES = [
    "Café",
    "naïve",
    "😀",
    "👩‍🚀",
    "日本語",
    "東京",
    "한국어",
    "π≈3.14",
    "don't",
    " ",
    "  ",
    "\n",
    "\t",
    "𝔘𝔫𝔦",
    "e\u0301",
    "\u00a0",
    "🇫🇷",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.lists(
    st.sampled_from(PIECES), max_size=12
).map("".join)


@pytest.fixture(scope="module", params=["gpt2", "gemma3"], ids=["byte BPE", "Unigram"])
def tokenizer(request, tiny_models):
    return hf.AutoTokenizer.from_pretrained(tiny_models[request.param])


def check(text, tokens):
    """Spans are non-empty, inside the text, in order, and together cover every character that is not whitespace."""
    assert len(tokens.kept) == len(tokens.start) == len(tokens.end)
    covered = np.zeros(len(text), dtype=bool)
    for start, end in zip(tokens.start, tokens.end, strict=True):
        assert 0 <= start < end <= len(text)
        piece = text[start:end]
        assert piece == piece.lstrip() or not piece.strip()
        covered[start:end] = True
    assert all(covered[place] for place, character in enumerate(text) if not character.isspace())
    assert (np.diff(tokens.end) >= 0).all()
    assert (np.diff(tokens.kept) > 0).all()


@settings(max_examples=150, deadline=None)
@given(text=TEXT)
def test_spans_of_any_text(tokenizer, text):
    check(text, tokenize(tokenizer, [text])[0])


def test_spans_of_the_passages(tokenizer, passages):
    for passage, tokens in zip(passages, tokenize(tokenizer, [p.text for p in passages]), strict=True):
        check(passage.text, tokens)


def test_a_character_of_several_tokens_gives_each_its_whole_span(tiny_models):
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gpt2"])
    # U+1D518 is four bytes in UTF-8, none of which were merged in training: four tokens, one character
    tokens = tokenize(tokenizer, ["a 𝔘"])[0]
    spans = list(zip(tokens.start.tolist(), tokens.end.tolist(), strict=True))
    assert spans[0] == (0, 1)
    assert spans[-3:] == [(2, 3)] * 3
    assert len(tokens.ids) == len(tokens.kept)


def test_leading_space_is_not_part_of_a_span():
    assert strip_span("a  word", 1, 7) == (3, 7)
    assert strip_span("a  word", 1, 3) == (1, 3)  # nothing but spaces: kept as it is
    assert strip_span("a\u00a0b", 1, 3) == (2, 3)


def test_special_tokens_are_read_but_not_kept(tiny_models):
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gemma3"])
    tokens = tokenize(tokenizer, ["The king <pad> is"])[0]
    bos, pad = tokenizer.bos_token_id, tokenizer.pad_token_id
    assert tokens.ids[0] == bos
    assert pad in tokens.ids  # its name stands in the text: the model sees the special token, it is no concept
    kept = {tokens.ids[place] for place in tokens.kept}
    assert not kept & {bos, pad}


def test_unknown_words_are_kept(tiny_models):
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gemma3"])
    tokens = tokenize(tokenizer, ["ᚠ"])[0]
    assert tokenizer.unk_token_id in tokens.ids
    assert (tokens.start[-1], tokens.end[-1]) == (0, 1)


def test_lone_surrogates_and_nothing(tokenizer):
    broken, empty = tokenize(tokenizer, ["a\ud800b", ""])
    check("a?b", broken)
    assert len(empty.kept) == 0
    assert tokenize(tokenizer, []) == []
