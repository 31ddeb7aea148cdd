"""Scores worked by hand, and against slower ways to get them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from samedream.labels.asked.figures import Answers, auc, choices, yes_or_no

YES, NO, NONE = 1, 0, -1


def values(strata):
    return tuple(one and one.value for one in strata)


def answers(truth, said, control=None, group=None):
    truth = np.array(truth, bool)
    group = np.where(truth, 0, 3) if group is None else group
    control = np.full(truth.size, NONE) if control is None else control
    return Answers(np.array(group, np.int8), truth, np.array(said, np.int8), np.array(control, np.int8))


def rng():
    return np.random.default_rng(0)


def test_auc_by_hand():
    truth = [True] * 4 + [False] * 4
    said = [YES, YES, YES, NO, YES, NO, NO, NO]
    found = yes_or_no(answers(truth, said), rng())
    assert found.score.value == 0.75  # (3/4 + 3/4) / 2
    assert found.score.low < 0.75 < found.score.high
    assert (found.shuffled, found.lift) == (None, None)  # nothing was said with another label


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_area_under_the_curve(pairs):
    truth, said = (np.array(side) for side in zip(*pairs, strict=True))
    if truth.all() or not truth.any():
        return
    assert auc(truth, (said == truth).astype(np.int8)) == pytest.approx(roc_auc_score(truth, said))


def test_lift_is_what_another_label_does_not_get():
    truth = [True] * 4 + [False] * 4
    said, control = [YES] * 4 + [NO] * 4, [YES, NO, NO, NO, YES, NO, NO, NO]
    found = yes_or_no(answers(truth, said, control), rng())
    assert (found.score.value, found.shuffled, found.lift.value) == (1.0, 0.5, 0.5)
    assert 0 < found.lift.low < 0.5 < found.lift.high <= 1
    assert 0.6 < found.score.low < 0.9 and found.score.high == 1  # eight right answers are no certainty


def test_a_label_is_not_better_than_itself():
    said = np.random.default_rng(1).integers(0, 2, 40)
    found = yes_or_no(answers([True, False] * 20, said, said), rng())
    assert found.lift.value == 0
    assert found.lift.low < 0 < found.lift.high
    assert found.lift.high - found.lift.low < 0.15  # the pairing is kept: independent draws would give about .4


def test_what_was_not_answered_is_left_out():
    truth = [True] * 5 + [False] * 5
    said = [YES, YES, YES, YES, NONE, NO, NO, NO, NO, NONE]
    assert yes_or_no(answers(truth, said), rng()).score.value == 1
    too_few = [YES, YES, YES, NONE, NONE, NO, NO, NO, NO, NO]
    assert yes_or_no(answers(truth, too_few), rng()).score is None
    assert yes_or_no(answers([], []), rng()).score is None
    control = [NONE, NONE, YES, YES, YES, NO, NO, NO, NO, NO]  # with one of the two unknown, no lift
    assert yes_or_no(answers(truth, said, control), rng()).lift is None


def test_strata_of_detection_and_of_fuzzing():
    truth = [True] * 6 + [False] * 4
    said = [YES, YES, YES, NO, NO, NO] + [NO, NO, NO, YES]
    found = yes_or_no(answers(truth, said, group=[0, 0, 0, 1, 1, 1, 3, 3, 4, 5]), rng())
    assert values(found.strata) == (0.875, 0.375, None)  # (1 + 3/4) / 2, (0 + 3/4) / 2, nothing weak
    truth = [True, False] * 6  # a moved mark stands in a passage of the stratum itself
    said = [YES, NO] * 3 + [YES, YES] * 3
    found = yes_or_no(answers(truth, said, group=[0] * 6 + [2] * 6), rng())
    assert values(found.strata) == (1.0, None, 0.5)


def test_intervals_of_strata_are_those_of_their_answers_alone():
    """Beta with Jeffreys' prior: of the mean of two such shares, and of one."""
    truth = [True] * 8 + [False] * 8
    said = [YES] * 3 + [NO] + [YES] * 4 + [NO] * 6 + [YES] * 2
    found = yes_or_no(answers(truth, said, group=[0] * 4 + [1] * 4 + [3] * 8), rng()).strata
    for stratum, hits in ((0, 3), (1, 4)):
        drawn = (stats.beta(hits + 0.5, 4.5 - hits).rvs(20000, random_state=1)
                 + stats.beta(6.5, 2.5).rvs(20000, random_state=2)) / 2  # fmt: skip
        want = np.quantile(drawn, [0.025, 0.975])
        assert (found[stratum].low, found[stratum].high) == pytest.approx(want, abs=0.03)
    assert found[2] is None
    found = choices(np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 0, 0]), chance=0.2, rng=rng()).strata
    for one, hits, count in ((found[0], 3, 4), (found[1], 0, 2)):
        want = stats.beta(hits + 0.5, count - hits + 0.5).ppf([0.025, 0.975])
        assert (one.low, one.high) == pytest.approx([want[0] if hits else 0, want[1]], abs=0.03)
    assert found[2] is None


def test_choices_by_hand():
    found = choices(np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 1, 0, 0, NONE]), chance=0.2, rng=rng())
    assert found.score.value == 0.6
    assert values(found.strata) == (1.0, 0.5, 0.0)
    assert found.shuffled == 0.2
    assert found.lift.value == pytest.approx(0.4)
    assert found.lift.low == pytest.approx(found.score.low - 0.2)
    assert choices(np.zeros(6), np.array([1, 1, 1, NONE, NONE, NONE]), chance=0.2, rng=rng()).score is None


def test_intervals_cover_what_is_true():
    draws, inside = np.random.default_rng(2), 0
    truth = np.arange(24) % 2 == 0
    for _ in range(400):
        right = draws.random(24) < np.where(truth, 0.8, 0.6)  # an AUC of .7
        found = yes_or_no(answers(truth, right == truth), rng())
        inside += found.score.low <= 0.7 <= found.score.high
    assert 0.91 <= inside / 400 <= 0.99
