import pytest
from hypothesis import given
from hypothesis import strategies as st

from samedream.corpus.cutting import UNSPACED, cut


def test_short_text_is_one_passage():
    assert cut("A short text.", 250) == ["A short text."]
    assert cut("", 250) == []


def test_ends_at_the_last_sentence_that_fits():
    # Limit 30: "One two. Three four. " is 21 characters, the next sentence ends at 40.
    assert cut("One two. Three four. Five six seven eight.", 30) == ["One two. Three four.", "Five six seven eight."]


def test_a_sentence_end_in_the_first_third_is_too_early():
    # The only sentence end within 30 characters is at 3, below a third: the passage ends at a word.
    assert cut("Hm. Alpha beta gamma delta epsilon zeta.", 30) == ["Hm. Alpha beta gamma delta", "epsilon zeta."]


@pytest.mark.parametrize(
    "text",
    [
        "It was made by Dr. Watson of the London house",
        "It was written by J. R. R. Tolkien himself once",
        "It grew in the U.S. Army of those old good days",
        "It is at 3.14 metres and not any deeper than it",
        "He uses Yahoo! in every one of his letters home",
    ],
)
def test_abbreviations_and_initials_end_no_sentence(text):
    # Cut at 30: were the stop taken for a sentence end, the first passage would end with it.
    assert cut(text, 30)[0] == text[: text.rindex(" ", 0, 31)]


def test_closing_marks_stay_with_their_sentence():
    assert cut('He said: "I will go now." Then he left for good.', 30)[0] == 'He said: "I will go now."'


def test_chinese_is_cut_after_its_full_stop_or_between_characters():
    text = "北京是中华人民共和国的首都。它是一座历史悠久的城市，人口众多，文化丰富。"
    assert cut(text, 20)[0] == "北京是中华人民共和国的首都。"
    plain = "字" * 50
    assert cut(plain, 20) == ["字" * 20, "字" * 20, "字" * 10]
    assert not any(part.startswith(("，", "。")) for part in cut("字字字，" * 20, 11))


def test_one_long_word_is_kept_whole():
    word = "x" * 40
    assert cut(f"aa {word} bb", 10) == ["aa", word, "bb"]


TEXTS = st.lists(
    st.text(st.sampled_from("abcXYZ.!?,;()\"'éß中文。，ไทย\u0301ا؟"), min_size=1, max_size=30), max_size=40
).map(" ".join)


@given(TEXTS, st.integers(20, 100))
def test_only_spaces_are_lost(text, limit):
    assert "".join(cut(text, limit)).replace(" ", "") == text.replace(" ", "")


@given(TEXTS, st.integers(20, 100))
def test_only_a_single_unbreakable_word_is_over_the_limit(text, limit):
    for passage in cut(text, limit):
        if len(passage) > limit:
            assert " " not in passage


@given(st.text(st.sampled_from("中文字日本語かな"), min_size=1, max_size=400), st.integers(20, 60))
def test_scripts_without_spaces_keep_the_limit(text, limit):
    assert UNSPACED.match(text)
    assert all(len(passage) <= limit for passage in cut(text, limit))


@given(TEXTS, st.integers(20, 100))
def test_cutting_a_passage_again_changes_nothing(text, limit):
    for passage in cut(text, limit):
        assert cut(passage, limit) == [passage] or len(passage) > limit
