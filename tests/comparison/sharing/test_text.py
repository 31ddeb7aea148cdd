import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.comparison.sharing.text import EVIL_THREE, FLAGS, count_words, flag


def test_words_marks_digits_and_characters_are_counted():
    texts = ["The cat, the CAT 1984."] * 5 + ["猫が1985年"] * 5 + ["rare"] * 4
    counts, words = count_words(texts)
    table = dict(zip(words, counts.toarray().T.tolist(), strict=True))
    assert list(words) == sorted(words)
    assert table["the"][:6] == [2, 2, 2, 2, 2, 0]
    assert table["cat"][0] == 2
    assert table["0000"] == [1] * 5 + [1] * 5 + [0] * 4
    assert table[","][0] == table["."][0] == 1
    assert table["猫"][5] == table["が"][5] == table["年"][5] == 1
    assert "rare" not in table
    assert counts.dtype == np.float32


def test_text_without_frequent_words_has_none():
    counts, words = count_words(["one", "two", ""])
    assert (counts.shape, words) == ((3, 0), ())


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("A cat sat.", set()),
        ("Won the cup in 1998", {"sports and competitions", "dates"}),
        ("She was elected", {"sports and competitions"}),
        ("in the 1980s", {"dates"}),
        ("the 5th century BC", {"dates"}),
        ("on 3 March", {"dates", "numbers"}),
        ("they march on", set()),
        ("NATO and the U.S.A", {"acronyms"}),
        ("Louis XIV", set()),
        ("I am A", set()),
        ("beaten 3-2", {"numbers"}),
        ("a height of 8,849 m", {"numbers"}),
        ("Zürich is the largest city", {"definitions"}),
        ("ИКЕА", {"acronyms"}),
    ],
)
def test_flags(text, kinds):
    assert {kind for kind, mask in flag([text]).items() if mask[0]} == kinds


@given(st.lists(st.text(), max_size=8))
@settings(max_examples=30, deadline=None)
def test_any_text_can_be_flagged_and_counted(texts):
    flags = flag(texts)
    assert set(EVIL_THREE) < set(flags) == set(FLAGS)
    assert all(mask.shape == (len(texts),) for mask in flags.values())
    counts, words = count_words(texts)
    assert counts.shape == (len(texts), len(words))
