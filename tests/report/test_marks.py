import html
import re

from hypothesis import given
from hypothesis import strategies as st

from samedream.report.marks import excerpt, level, marked, number, segments, window
from samedream.report.reading import Span


def test_segments_of_spans_that_overlap_take_the_larger_value() -> None:
    # "abcdef": 0-4 fires at 1, 2-6 at 3: ab at 1, cd and ef at 3, and cd+ef touch with one value
    assert segments("abcdef", [Span(0, 4, 1.0), Span(2, 6, 3.0)]) == [(0, 2, 1.0), (2, 6, 3.0)]


def test_segments_are_clipped_trimmed_and_put_in_order() -> None:
    text = "one two three"
    spans = [Span(7, 99, 2.0), Span(3, 7, 1.0), Span(5, 5, 9.0), Span(-4, 2, 1.0), Span(4, 6, 0.0)]
    # " three" loses its blank, " two" too; the empty span and the one of value 0 are gone; -4..2 is clipped to 0..2
    assert segments(text, spans) == [(0, 2, 1.0), (4, 7, 1.0), (8, 13, 2.0)]


def test_segments_of_white_space_alone_mark_nothing() -> None:
    assert segments("a  b", [Span(1, 3, 1.0)]) == []


def test_marked_escapes_text_inside_and_outside_the_marks() -> None:
    found = marked("<b>&</b>", [Span(3, 4, 2.0)], 4.0)
    assert found == '&lt;b&gt;<mark class="h3" title="2 of 4">&amp;</mark>&lt;/b&gt;'


def test_marked_without_a_maximum_marks_at_full_strength() -> None:
    assert 'class="h5"' in marked("a", [Span(0, 1, 1.0)], 0.0)


@given(st.text(), st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60), st.floats(0, 10)), max_size=8))
def test_marked_text_is_the_text(text: str, spans: list[tuple[int, int, float]]) -> None:
    found = marked(text, [Span(*span) for span in spans], 10.0)
    assert html.unescape(re.sub(r"</?mark[^>]*>", "", str(found))) == html.unescape(html.escape(text))


@given(st.text(max_size=400), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=5))
def test_excerpt_is_a_piece_of_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    line = excerpt(text, [Span(*span, 1.0) for span in spans], [])
    plain = html.unescape(re.sub(r"</?mark[^>]*>", "", str(line)))
    core = plain.removeprefix("… ").removesuffix(" …")
    assert html.unescape(core) in html.unescape(text) or core in text


def test_excerpt_shows_who_is_excited_by_each_piece() -> None:
    line = excerpt("red green blue", [Span(0, 9, 1.0)], [Span(4, 14, 5.0)])
    # the blank between "red" and "green" is inside a's one span, so it stays in its mark
    assert line == '<mark class="a">red </mark><mark class="a b">green</mark><mark class="b"> blue</mark>'


def test_excerpt_is_cut_around_a_mark_both_make_even_when_another_is_stronger() -> None:
    text = "alpha " * 50 + "shared " + "omega " * 50
    line = excerpt(text, [Span(0, 5, 9.0), Span(300, 306, 1.0)], [Span(300, 306, 1.0)], width=60)
    assert '<mark class="a b">shared</mark>' in line
    assert line.startswith("… ") and line.endswith(" …")


def test_window_of_text_without_blanks_is_cut_anywhere() -> None:
    assert window("字" * 300, 150, 100) == (100, 200)
    assert window("short", 2, 100) == (0, 5)


def test_levels_and_numbers() -> None:
    assert [level(share) for share in (0.0, 0.2, 0.21, 0.5, 1.0, 1.7)] == [1, 1, 2, 3, 5, 5]
    assert [number(value) for value in (0.034, 0.414, 3.14, 12.34, 1240.0)] == ["0.034", "0.41", "3.1", "12.3", "1,240"]
