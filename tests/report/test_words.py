import pytest

from samedream.records import Directed, Interval
from samedream.report import words
from samedream.report.pairs import CLASSES, Match


def test_numbers_as_the_page_writes_them() -> None:
    values = (0.914, 0.0, -0.05, 1.0, -0.001, None)
    assert [words.figure(x) for x in values] == [".91", ".00", "−.05", "1.00", ".00", "–"]
    assert [words.percent(x) for x in (0.412, 0.052, 0.0031, 1.0, 0.0, None)] == [
        "41\xa0%", "5.2\xa0%", "0.31\xa0%", "100\xa0%", "0\xa0%", "–"]  # fmt: skip
    assert [words.significant(x) for x in (0.0341, 2.44, 31.2, 1240.0, None)] == ["0.034", "2.4", "31", "1,240", "–"]
    assert words.counted(1, "pair") == "1 pair"
    assert words.counted(1234, "pair") == "1,234 pairs"
    assert words.between(Interval(0.3, 0.284, 0.341)) == "[.28–.34]"
    assert words.between(Interval(0.3, 0.284, 0.341), "percent") == "[28–34\xa0%]"
    assert words.between(None) == ""
    assert words.listed(["A", "B", "C"]) == "A, B and C"


def test_the_question_names_every_model() -> None:
    assert words.question(["A", "B"]) == "Do A and B dream the same concepts?"


def both(value: float, half: float = 0.02) -> Directed:
    interval = Interval(value, value - half, value + half)
    return Directed(interval, interval)


FULL = {"universality": both(0.4), "floor": both(0.1), "ceiling": both(0.5), "normalised": both(0.75)}
NAMES = ("A", "B")


def test_scale_title_says_no_more_than_the_intervals_allow() -> None:
    assert words.scale_title(NAMES, FULL) == "They come 75\xa0% of the way from random twins to one model trained twice"
    tied = FULL | {"floor": both(0.38)}
    assert words.scale_title(NAMES, tied) == "From this study we cannot tell their agreement from that of random twins"
    assert words.scale_title(NAMES, FULL | {"normalised": None}) == (
        "A and B agree more than random twins do; how near to one model read twice, we cannot tell"
    )
    assert "cannot tell" in words.scale_title(NAMES, FULL | {"floor": None})
    assert words.scale_title(NAMES, FULL | {"universality": None}) == "How far A and B agree: cannot tell"


def test_scale_gaps_say_why_a_mark_is_missing() -> None:
    assert words.scale_gaps(FULL) == []
    gaps = words.scale_gaps(FULL | {"floor": None, "ceiling": Directed(None, None), "normalised": None})
    assert [gap.split(":")[0] for gap in gaps] == ["No floor", "No ceiling"]
    assert words.scale_gaps(FULL | {"normalised": None}) == [
        "No share of the way: floor and ceiling lie too close together to divide by their distance."
    ]


def test_headline_gives_one_share_or_two_or_says_that_it_cannot() -> None:
    assert words.headline(both(0.41)) == "They share about 41\xa0% of their stable features."
    two = Directed(Interval(0.41, 0.3, 0.5), Interval(0.38, 0.3, 0.5))
    assert words.headline(two) == "They share about 41\xa0% and 38\xa0% of their stable features."
    assert words.headline(None) == "How much they share, we cannot tell from this study."
    assert words.headline(both(0.01)) == "Whether they share anything, we cannot tell from this study."


def test_class_title_counts_only_features_that_can_be_judged() -> None:
    shared = {"one-to-one": 1, "split": 1, "merge": 1, "one-way": 1}
    counts = {**shared, "only here": 2, "unstable": 2, "too rare to tell": 50, "dead": 7}
    assert words.class_title("A", "B", counts) == "50\xa0% of A’s features have a partner in B, whole or in parts"
    assert words.class_title("A", "B", {"dead": 4}) == "No feature of A fires often enough to be judged"
    assert words.class_title("A", "B", {"unstable": 4}) == "No feature of A has a partner in B that we can be sure of"


def test_every_class_has_words_of_its_own() -> None:
    said = [words.class_words(kind, "A", "B", True) for kind in CLASSES]
    assert len({short for short, _ in said}) == len({long for _, long in said}) == len(CLASSES)
    assert words.class_words("split", "A", "B", True)[1].startswith("several features of B together are this one")


def test_without_a_repeat_only_here_and_unstable_are_not_told_apart() -> None:
    only, unstable = (words.class_words(kind, "A", "B", False) for kind in ("only here", "unstable"))
    assert only == unstable
    assert only[0] == "no partner" and "cannot tell" in only[1]
    assert words.class_words("only here", "A", "B", True)[0] == "only A"
    assert words.class_words("a class of tomorrow", "A", "B", True)[0] == "a class of tomorrow"


@pytest.mark.parametrize(
    ("floor", "repeat", "beside"),
    [
        (0.1, 0.5, " (in a random twin .10, in itself again .50)"),
        (None, 0.5, " (in itself again .50)"),
        (None, None, ""),
    ],
)
def test_strength_title_gives_the_medians(floor: float | None, repeat: float | None, beside: str) -> None:
    found = enumerate((0.2, 0.4, 0.9))
    rows = [Match("a", n, 0, r, r, r, r, 0.1, 0.01, repeat, repeat, floor, "one-way") for n, r in found]
    title = words.strength_title("A", "B", rows)
    assert title == "Half of A’s features find a match of .40 or better in B" + beside
    assert words.strength_title("A", "B", []) == "No feature of A could be matched"


def test_health_title() -> None:
    assert words.health_title(3, 3) == "All 3 figures lie in their healthy range"
    assert words.health_title(1, 3) == "1 of 3 figures lie in their healthy range"
    assert "cannot tell" in words.health_title(0, 0)
