import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samedream.labels.words import NONE, WHOLE, find_words, word_spans, words_at


def split(text):
    return [text[a:b] for a, b in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop: state-of-the-art chess!", ["Don't", "stop", "state-of-the-art", "chess"]),
        ("From 1914–1918, 1,234.5 men.", ["From", "1914", "1918", "1,234.5", "men"]),
        ("a 3.5m dash, the 1990s, x_y", ["a", "3", "5m", "dash", "the", "1990s", "x", "y"]),
        ("'quoted' - dash -", ["quoted", "dash"]),
        ("naïve e\u0301cole", ["naïve", "e\u0301cole"]),  # a combining accent belongs to its word
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("東京都は Tokyo", ["東京", "京都", "都は", "Tokyo"]),
        ("木。", ["木"]),
        ("ภาษาไทย", ["ภาษา", "าษาไ", "ษาไท", "าไทย"]),
        ("", []),
        ("… — !", []),
    ],
)
def test_words(text, words):
    assert split(text) == words


@given(st.text(max_size=60))
def test_word_spans_are_ordered_and_inside(text):
    spans = word_spans(text)
    assert spans == sorted(spans)
    assert all(0 <= a < b <= len(text) for a, b in spans)
    covered = {i for a, b in spans for i in range(a, b)}
    assert {i for i, c in enumerate(text) if c.isalnum()} <= covered  # no letter or digit is lost


def test_terms_differ_by_more_than_case_and_possessive():
    words = find_words(["The chess of the king", "Chess: the king's chess", "CHESS"])
    assert words.terms == ["the", "chess", "of", "king"]  # the commonest spelling
    assert words.term.tolist() == [0, 1, 2, 0, 3, 1, 0, 3, 1, 1]
    assert words.passage.tolist() == [0] * 5 + [1] * 4 + [2]


def at(texts, *spans):
    words = find_words(texts)
    passage, start, end = np.array(spans).T
    found = words_at(words, passage, start=start, end=end)
    return [words.terms[words.term[i]] if i >= 0 else int(i) for i in found]


def test_the_word_a_span_lies_in():
    #        0123456789012345678901
    texts = ["Grandmaster of chess.", "Yes, no"]
    assert at(texts, (0, 5, 11), (0, 11, 14), (0, 14, 17), (0, 20, 21), (1, 3, 4), (1, 4, 7)) == [
        "Grandmaster",  # "master", a piece of it
        "of",  # " of", with the space before
        "chess",  # " ch"
        NONE,  # "."
        NONE,  # ","
        "no",
    ]


def test_a_span_over_two_words_goes_to_the_greater_overlap_then_to_the_first():
    assert at(["chess of kings"], (0, 3, 7)) == ["chess"]  # 2 letters of each: the first
    assert at(["chess of kings"], (0, 4, 8)) == ["of"]


def test_an_empty_span_counts_as_one_character():
    assert at(["chess of kings"], (0, 6, 6), (0, 5, 5)) == ["of", NONE]


def test_a_span_over_the_whole_passage_has_no_trigger():
    assert at(["chess of kings.", "chess"], (0, 0, 15), (1, 0, 5)) == [WHOLE, "chess"]


def test_pieces_of_unspaced_text():
    assert at(["東京都は"], (0, 1, 3), (0, 0, 1)) == ["京都", "東京"]


def test_passages_without_words():
    assert at(["...", "", "chess"], (0, 0, 1), (1, 0, 0), (2, 0, 5)) == [NONE, NONE, "chess"]
    assert at(["..."], (0, 0, 3)) == [NONE]


@given(st.lists(st.text("ab 東京.,", max_size=12), min_size=1, max_size=4), st.data())
def test_words_at_matches_a_loop(texts, data):
    words = find_words(texts)
    passage = data.draw(st.integers(0, len(texts) - 1))
    start = data.draw(st.integers(0, 12))
    end = start + data.draw(st.integers(0, 6))
    found = int(words_at(words, np.array([passage]), start=np.array([start]), end=np.array([end]))[0])
    end = max(end, start + 1)
    mine = [i for i in range(len(words.term)) if words.passage[i] == passage]
    if len(mine) > 1 and start <= words.start[mine[0]] and end >= words.end[mine[-1]]:
        assert found == WHOLE
        return
    overlap = {i: min(int(words.end[i]), end) - max(int(words.start[i]), start) for i in mine}
    best = max(overlap.values(), default=0)
    if best <= 0:
        assert found == NONE
    else:
        # only the last five words that begin before the span's end are looked at; a longer span covers more than a word
        near = [i for i in mine if words.start[i] < end][-5:]
        best = max(overlap[i] for i in near)
        assert found == next(i for i in near if overlap[i] == best)
