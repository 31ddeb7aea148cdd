import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison.blocks import split_blocks
from samedream.comparison.context import Peaks
from samedream.comparison.granularity.breadth import MEASURES, breadth
from samedream.errors import ComparisonError

ARTICLES = np.repeat(np.arange(20), 2)
BLOCKS = split_blocks(ARTICLES, 40, 0)


def csr(dense):
    return sparse.csr_array(np.asarray(dense, np.float32))


def test_every_measure_by_hand():
    activity = np.zeros((40, 5))
    activity[[0, 1, 2], 0] = [4.0, 4.0, 2.0]  # articles 0, 0, 1
    activity[:, 1] = 1.0  # everywhere alike
    activity[[0, 2], 2] = [3.0, 1.0]  # shares 3/4 and 1/4
    activity[[5, 7], 3] = [10.0, 2.0]  # the second is not above 20 % of the first
    topics = np.array([0, 0, 1] + [2] * 37)
    entry = csr(activity)
    place = dict(zip(zip(*entry.nonzero(), strict=True), range(entry.nnz), strict=True))
    word, entity = np.full(entry.nnz, 9, np.int32), np.zeros(entry.nnz, bool)
    word[[place[0, 0], place[1, 0], place[2, 0]]] = [5, 6, 5]
    entity[place[1, 0]] = True
    word[place[0, 2]] = -1  # no word can be told there
    entity[place[0, 2]] = True
    found = breadth(entry, BLOCKS, topics=topics, peaks=Peaks(word, entity))

    def h(*shares):
        return np.exp(-sum(s * np.log(s) for s in shares))

    assert found.fired.tolist() == [3, 40, 2, 1, 0]
    expected = {
        "firing_rate": [3 / 40, 1, 2 / 40, 1 / 40, 0],
        "effective_passages": [100 / 36, 40, 16 / 10, 1, np.nan],
        "effective_articles": [h(0.8, 0.2), 20, h(0.75, 0.25), 1, np.nan],
        "effective_topics": [h(0.8, 0.2), h(2 / 40, 1 / 40, 37 / 40), h(0.75, 0.25), 1, np.nan],
        "effective_words": [h(0.6, 0.4), 1, 1, 1, np.nan],
        "entity_share": [0.4, 0, 0, 0, np.nan],
    }
    assert list(found.value) == list(MEASURES)
    for key, values in expected.items():
        np.testing.assert_allclose(found.value[key], values, err_msg=key)


def entropy(mass):
    share = mass[mass > 0] / mass.sum()
    return np.exp(-(share * np.log(share)).sum())


def by_hand(rows, topics, words, names):
    """The measures of one feature on some rows, all of whose values above 0 are firings."""
    on = rows > 0
    if not on.any():
        return [0.0] + [np.nan] * 5
    known = on & (words >= 0)
    article = np.bincount(ARTICLES[topics[1]], weights=rows)
    topic = topics[0]
    return [
        on.mean(),
        rows.sum() ** 2 / (rows**2).sum(),
        entropy(article),
        entropy(np.bincount(topic[on & (topic >= 0)], weights=rows[on & (topic >= 0)])) if (on & (topic >= 0)).any()
        else np.nan,
        entropy(np.bincount(words[known], weights=rows[known])) if known.any() else np.nan,
        (rows * (known & names)).sum() / rows[known].sum() if known.any() else np.nan,
    ]  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.05, 0.3, 1.0]))
def test_each_group_left_out_is_as_if_it_had_never_been_there(seed, density):
    rng = np.random.default_rng(seed)
    dense = (rng.random((40, 6)) < density) * rng.uniform(0.25, 1.0, (40, 6))
    dense[0] = 1.0  # everything is above 20 % of the maximum, with or without any group but this one
    activity = csr(dense)
    topics = rng.integers(-1, 4, 40)
    words, names = rng.integers(-1, 5, (40, 6)), rng.random((40, 6)) < 0.5
    rows, columns = activity.nonzero()
    peaks = Peaks(words[rows, columns].astype(np.int32), names[rows, columns])
    found = breadth(activity, BLOCKS, topics=topics, peaks=peaks)
    first, second = BLOCKS.halves
    groups = [half.rows[half.groups == number] for half in (first, second) for number in range(half.n_groups)]
    for number, lost in enumerate([np.zeros(0, int), *groups]):
        kept = np.setdiff1d(np.arange(40), lost)
        for feature in range(6):
            column = activity.toarray()[kept, feature].astype(float)
            wanted = by_hand(column, (topics[kept], kept), words[kept, feature], names[kept, feature])
            for key, value in zip(MEASURES, wanted, strict=True):
                mine = found.value[key] if number == 0 else found.without[key][number - 1]
                np.testing.assert_allclose(mine[feature], value, rtol=1e-6, err_msg=f"{key} {number}")


def test_gains_and_thresholds_below_a_fifth_of_the_maximum_change_nothing():
    rng = np.random.default_rng(1)
    dense = (rng.random((40, 8)) < 0.6) * rng.exponential(1.0, (40, 8))
    before = breadth(csr(dense), BLOCKS)
    cut = np.where(dense > 0.19 * dense.max(axis=0), dense, 0) * 2.0 ** rng.integers(-8, 9, 8)
    assert (cut > 0).sum() < (dense > 0).sum()
    after = breadth(csr(cut), BLOCKS)
    for key, values in before.value.items():
        np.testing.assert_allclose(after.value[key], values, rtol=1e-12)


def test_what_is_not_given_is_missing_and_nothing_is_changed():
    rng = np.random.default_rng(2)
    activity = csr((rng.random((40, 8)) < 0.6) * rng.exponential(1.0, (40, 8)))
    copy = activity.copy()
    found = breadth(activity, BLOCKS)
    assert list(found.value) == ["firing_rate", "effective_passages", "effective_articles"]
    for one, other in zip(
        (activity.data, activity.indices, activity.indptr), (copy.data, copy.indices, copy.indptr), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_peaks_of_another_activity_are_an_error():
    with pytest.raises(ComparisonError) as error:
        breadth(csr(np.eye(40)), BLOCKS, peaks=Peaks(np.zeros(3, np.int32), np.zeros(3, bool)))
    assert str(error.value) == (
        "there are 3 peaks for 40 stored values of activity: they are not of one features stage"
    )
