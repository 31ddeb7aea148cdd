import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.test_pairs import ROWS, row

from samedream.records import Directed, Interval
from samedream.report.figures import class_bar, gauge, nice_step, place, scale, strengths
from samedream.report.pairs import CLASSES, Match, Pair


def one(value: float, half: float = 0.0) -> Interval:
    return Interval(value, value - half, value + half)


def test_scale_puts_everything_on_one_axis_from_zero() -> None:
    figures = {
        "universality": Directed(one(0.3, 0.02), one(0.2)), "floor": Directed(one(0.05), None),
        "ceiling": Directed(one(0.4, 0.02), one(0.38)), "normalised": None, "shared_fraction": None,
    }  # fmt: skip
    found = scale(("A", "B"), (0, 1), figures)
    # the highest end is .42; a step of .1 cuts it into five, and 1.04 * .42 = .437 rounds up to .5
    assert found.ticks == ((0, 0), (0.1, 20), (0.2, 40), (0.3, 60), (0.4, 80), (0.5, 100))
    first, second = found.rows
    assert first.value is not None and first.ceiling is not None
    assert (first.value.low, first.value.at, first.value.high) == (56, 60, 64)
    assert (first.ceiling.low, first.ceiling.at, first.ceiling.high) == (76, 80, 84)
    assert second.floor is None and second.name == "B" and second.hue == 1


def test_scale_of_a_study_without_figures_is_empty() -> None:
    keys = ("universality", "floor", "ceiling", "normalised", "shared_fraction")
    found = scale(("A", "B"), (0, 1), dict.fromkeys(keys))
    assert found.ticks[-1] == (1.2, 100)  # 1.04 in steps of .2
    assert all(mark is None for r in found.rows for mark in (r.value, r.floor, r.ceiling, r.normalised, r.shared))


@given(st.floats(0.001, 3))
def test_nice_step_cuts_into_at_most_six(top: float) -> None:
    assert top / nice_step(top) <= 6


def test_place_stays_on_the_axis() -> None:
    assert [place(value, 0.5) for value in (-1, 0, 0.25, 0.5, 9)] == [0, 0, 50, 100, 100]


@given(st.dictionaries(st.sampled_from([*CLASSES, "new class"]), st.integers(0, 5000)), st.booleans())
def test_class_bar_covers_every_feature_and_the_whole_width(counts: dict[str, int], known: bool) -> None:
    bar = class_bar(counts, "A", "B", stable_known=known)
    assert sum(segment.count for segment in bar) == sum(counts.values())
    end = 0.0
    for segment in bar:
        assert segment.x == pytest.approx(end, abs=0.002)
        end = segment.x + segment.width
    assert not bar or end == pytest.approx(100, abs=0.002)


def test_class_bar_without_a_repeat_has_one_segment_for_no_partner() -> None:
    bar = class_bar({"only here": 2, "unstable": 3, "dead": 5}, "A", "B", stable_known=False)
    assert [(s.words, s.style, s.count, s.x, s.width) for s in bar] == [
        ("no partner", "unstable", 5, 0, 50), ("never fires", "dead", 5, 50, 50)]  # fmt: skip


def test_strengths_count_into_bins_and_give_the_median() -> None:
    found = enumerate((0.01, 0.5, 0.51, 1.0))
    rows = [Match("a", n, 0, r, r, r, r, 0.1, 0.01, None, None, -0.2, "one-way") for n, r in found]
    twin, other, again = strengths(rows, "A", "B")
    # 25 bins of .04: .01 falls in bin 0, .5 and .51 in bin 12 (.48 to .52), 1.0 in the last; bin 12 is the highest
    assert {n: h for n, h in enumerate(other.heights) if h} == {0: 50.0, 12: 100.0, 24: 50.0}
    assert other.median == pytest.approx(0.505)
    assert twin.heights[0] == 100 and twin.median == -0.2  # below 0 is drawn at 0 and said as it is
    assert again.median is None and again.total == 0


def test_gauge_marks_the_less_steady_of_two_but_only_its_own_for_a_feature_without_a_partner() -> None:
    steady, back = row("a", 0, 0, 0.8, "one-to-one", 0.9), row("b", 0, 0, 0.8, "one-to-one", 0.7)
    assert (gauge(Pair(0, 0, steady, back)).again, gauge(Pair(0, 0, steady, back)).passed) == (70, True)
    alone = row("a", 0, 0, 0.1, "only here", 0.9)
    assert (gauge(Pair(0, 0, alone, back)).again, gauge(Pair(0, 0, alone, back)).passed) == (90, False)
    assert gauge(Pair(2, 1, ROWS[2], None)).chance == 10
