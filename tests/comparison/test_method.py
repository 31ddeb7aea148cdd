import numpy as np
import pytest

from samedream.comparison.estimates import Sampled
from samedream.comparison.method import barred, hanging
from samedream.comparison.shared import Fraction
from samedream.records import Directed, Interval

HALVES = (25, 25)


def sampled(*moved, value=0.5, spread=0.0):
    """A figure that moves by so much where the first groups are left out, one by one."""
    without = value + spread * np.random.default_rng(0).standard_normal(50)
    without[: len(moved)] += moved
    return Sampled(value, without, HALVES)


def test_carriers_by_hand():
    # half 1: means .25, parts (3/4)(.75^2, .25^2 x 3); half 2 adds nothing
    figure = Sampled(0.0, np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]), (4, 2))
    assert figure.variance() == pytest.approx(0.75 * (0.75**2 + 3 * 0.25**2))
    assert figure.carriers().tolist() == [1]
    # of a whole that is twice as large it carries less than half, and so do all together
    assert figure.carriers(extra_variance=2 * figure.variance()).size == 6


def test_even_groups_need_many_carriers():
    assert sampled(spread=0.01).carriers().size > 4


def test_a_note_tells_which_interval_hangs_on_few_articles():
    odd, even = Fraction(sampled(0.2, 0.1), 0.0), Fraction(sampled(spread=0.01), 0.0)
    (note,) = hanging({"a_to_b": even, "b_to_a": odd})
    assert note == (
        "The shared fraction's interval, b to a, hangs on few articles: 1 of 50 groups of articles carries half of "
        "its variance; without them the figure is about 0.70. One odd passage can do that, such as one with an "
        "attention sink."
    )


@pytest.mark.parametrize(
    "fraction",
    [
        pytest.param(None, id="withheld"),
        pytest.param(Fraction(sampled(), 0.0), id="nothing varies"),
        pytest.param(Fraction(sampled(0.2), 1.0), id="dictionaries vary more"),
        pytest.param(Fraction(sampled(*[0.1] * 6), 0.0), id="six groups"),
    ],
)
def test_no_note(fraction):
    assert hanging({"a_to_b": fraction, "b_to_a": None}) == []


def test_a_note_where_nothing_passes_although_some_is_shared():
    some, none = Interval(0.5, 0.4, 0.6, 0.95), Interval(0.1, 0.0, 0.3, 0.95)
    (note,) = barred(Directed(a_to_b=some, b_to_a=some), {"a_to_b": (0.001, 0.05), "b_to_a": (0.05, 0.123)})
    assert note == (
        "No feature passes the test, b to a (the least q is 0.12), although the shared fraction is above 0: too many "
        "features are found better in a random twin than in the other model, such as those of tokens that only one of "
        "the models has. 'Only here' and 'unstable' cannot be told from shared then; r and the shared fraction do not "
        "rest on the test."
    )
    assert barred(Directed(a_to_b=none, b_to_a=None), {"a_to_b": (0.0, 1.0), "b_to_a": (0.0, 1.0)}) == []
    assert barred(Directed(a_to_b=some, b_to_a=some), {}) == []  # no twins
    # shuffled articles alone keep them from passing: no matter of twins
    assert barred(Directed(a_to_b=some, b_to_a=None), {"a_to_b": (0.06, 0.2)}) == []
