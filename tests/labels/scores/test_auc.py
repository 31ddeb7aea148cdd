import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from samedream.labels.scores.auc import DRAWS, layouts, resampled, resampled_strata, wins
from samedream.labels.scores.trials import Trials


def trials_of(*sizes):
    """Trials of features with the given numbers in each group."""
    feature = np.repeat(np.arange(len(sizes)), [sum(mine) for mine in sizes]).astype(np.int32)
    group = np.concatenate([np.repeat(np.arange(6), mine) for mine in sizes]).astype(np.int8)
    nothing = np.zeros(len(group), np.int64)
    return Trials(feature, nothing, group, nothing.astype(np.float32), nothing, nothing)


@given(st.integers(0, 10**6), st.booleans())
def test_the_mean_of_wins_is_the_auc(seed, ties):
    rng = np.random.default_rng(seed)
    trials = trials_of((2, 1, 3, 2, 0, 4), (1, 1, 4, 5, 2, 0), (2, 1, 3, 2, 0, 4))
    values = rng.integers(0, 4, len(trials)).astype(float) if ties else rng.random(len(trials))
    found = {}
    for layout in layouts(trials, 5):
        for feature, mine in zip(layout.features, wins(values, layout), strict=True):
            found[feature] = mine.mean()
    for f in range(3):
        mine = trials.feature == f
        assert found[f] == pytest.approx(roc_auc_score(trials.group[mine] < 3, values[mine]), abs=1e-6)


def test_features_of_the_same_sizes_share_a_layout_and_those_of_too_few_are_left_out():
    found = layouts(trials_of((5, 0, 0, 5, 0, 0), (4, 0, 0, 9, 0, 0), (5, 0, 0, 5, 0, 0), (9, 9, 9, 2, 2, 0)), 5)
    assert [layout.features.tolist() for layout in found] == [[0, 2]]
    assert found[0].index.tolist() == [list(range(10)), list(range(23, 33))]


def test_slots():
    (layout,) = layouts(trials_of((1, 2, 3, 4, 5, 6)), 5)
    assert [layout.slots(g) for g in range(6)] == [
        slice(0, 1), slice(1, 3), slice(3, 6), slice(0, 4), slice(4, 9), slice(9, 15),
    ]  # fmt: skip


def test_the_interval_is_that_of_a_loop():
    """Of each group of n draw n - 1 with replacement; the AUC is the mean over pairs of groups, by their sizes."""
    trials = trials_of((8, 8, 8, 12, 12, 12))
    rng = np.random.default_rng(0)
    values = rng.standard_normal(60) + 0.7 * trials.positive
    (layout,) = layouts(trials, 5)
    low, high = resampled(wins(values, layout), layout, 0)
    drawn = []
    for _ in range(2000):
        groups = [rng.choice(values[trials.group == g], (trials.group == g).sum() - 1) for g in range(6)]
        pairs = [(one[:, None] > other).mean() for one in groups[:3] for other in groups[3:]]
        drawn.append(np.mean(pairs))
    assert (low[0], high[0]) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.03)


def test_the_interval_holds_the_truth():
    """Normal values a distance apart, whose true AUC is known: the interval holds it about 95 times of a hundred."""
    truth = 0.7602499  # Phi(1 / sqrt(2))
    trials = trials_of(*[(8, 8, 8, 12, 12, 12)] * 400)
    values = np.random.default_rng(1).standard_normal(len(trials)) + trials.positive
    (layout,) = layouts(trials, 5)
    low, high = resampled(wins(values, layout), layout, 3)
    assert 0.91 < ((low <= truth) & (truth <= high)).mean() < 0.98


def test_intervals_of_strata_are_those_of_a_loop():
    """The same resamples, one at a time: how often each trial is drawn, and the AUC over weighted pairs."""
    sizes = (8, 6, 1, 12, 3, 0)
    trials = trials_of(sizes)
    values = np.random.default_rng(4).standard_normal(30) + np.repeat([1.5, 0.7, 0], [8, 6, 16])
    (layout,) = layouts(trials, 5)
    random, times = np.random.default_rng(7), np.zeros((DRAWS, 30))
    for group, n in enumerate(sizes):
        if n:
            take = max(n - 1, 1)
            times[:, trials.group == group] = random.multinomial(take, np.full(n, 1 / n), DRAWS) * (n / take)
    low, high = resampled_strata(wins(values, layout), layout, 7)
    silent = trials.group >= 3
    for column, inside in enumerate([trials.group < 3, *(trials.group == g for g in range(3))]):
        pairs = [np.outer(weight[inside], weight[silent]) for weight in times]
        slow = [np.average(values[inside][:, None] > values[silent], weights=pair) for pair in pairs]
        assert (low[0, column], high[0, column]) == pytest.approx(np.percentile(slow, [2.5, 97.5]), abs=1e-5)
    assert np.array_equal([low[:, 0], high[:, 0]], resampled(wins(values, layout), layout, 7))


@pytest.mark.parametrize("least", [5, 8])
def test_the_interval_of_a_stratum_holds_the_truth(least):
    """Five positives are the fewest that a stratum has an interval of: it is somewhat too narrow, and no more."""
    truth = 0.7602499  # Phi(1 / sqrt(2))
    trials = trials_of(*[(least, least, least, 12, 12, 12)] * 400)
    values = np.random.default_rng(1).standard_normal(len(trials)) + trials.positive
    (layout,) = layouts(trials, 5)
    low, high = resampled_strata(wins(values, layout), layout, 3)
    held = ((low <= truth) & (truth <= high)).mean(axis=0)
    assert (held[1:] > 0.85).all() and (held[1:] < 0.98).all()
    width = (high - low).mean(axis=0)
    assert (width[1:] > 1.2 * width[0]).all()  # a third of the positives


def test_an_end_at_zero_is_zero_and_not_what_rounding_leaves():
    """Eighths that cancel: float32 sums leave some 1e-9, which would make the lower end of a lift positive."""
    (layout,) = layouts(trials_of(*[(8, 8, 8, 12, 12, 12)] * 200), 5)
    won = np.random.default_rng(0).integers(-4, 5, (200, 24, 36)).astype(np.float32) / 8
    for end in resampled(won, layout, 0):
        assert np.array_equal(end, end.round(6))


def test_a_stratum_without_positives_has_no_interval():
    (layout,) = layouts(trials_of((3, 0, 4, 5, 0, 0)), 5)
    won = wins(np.random.default_rng(0).random(12), layout)
    for end in resampled_strata(won, layout, 0):
        assert np.isnan(end[0]).tolist() == [False, False, True, False]


def test_an_interval_of_what_cannot_vary():
    trials = trials_of((2, 2, 2, 3, 3, 0))
    (layout,) = layouts(trials, 5)
    assert [end.tolist() for end in resampled(wins(trials.positive.astype(float), layout), layout, 0)] == [[1], [1]]
