import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from samedream.comparison.blocks import split_blocks
from samedream.comparison.dense.calibration import shuffles
from samedream.comparison.dense.grams import of_states
from samedream.comparison.dense.neighbours import mutual_neighbours, nearest, nearest_states


@pytest.fixture(scope="module")
def blocks():
    return split_blocks(np.repeat(np.arange(300), 2), 600, 0)


def _states(seed):
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(9).normal(size=(600, 5))
    return (common @ rng.normal(size=(5, 12)) + rng.normal(size=(600, 12))).astype(np.float32)


def test_neighbours_are_those_of_a_search_by_cosine(blocks):
    states = _states(0)
    centred = states - states.mean(axis=0)
    expected = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute").fit(centred).kneighbors()[1]
    for found in (nearest(of_states(states, blocks).cosine), nearest_states(states)):
        assert found.shape == (600, 10)
        assert np.array_equal(np.sort(found), np.sort(expected))


def test_few_passages_have_few_neighbours():
    assert nearest_states(np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)).shape == (6, 5)


def test_overlap_is_counted_by_hand(blocks):
    left = np.tile(np.arange(10), (600, 1))
    right = left.copy()
    right[::2] += 7  # every other passage has 3 of 10 in common
    found = mutual_neighbours(left, right, blocks, [])
    assert found.figure.value == pytest.approx((1 + 0.3) / 2)


def test_against_sets_with_groups_left_out_and_shuffled(blocks):
    x, y = (nearest_states(_states(seed)) for seed in (1, 2))
    orders = shuffles(blocks, 4, 0)
    found = mutual_neighbours(x, y, blocks, orders)
    share = np.array([len(set(a) & set(b)) / 10 for a, b in zip(x, y, strict=True)])
    assert found.figure.value == pytest.approx(share.mean())
    group = blocks.group
    for number in (0, 30, 49):
        assert found.figure.without[number] == pytest.approx(share[group != number].mean())
    for number, order in enumerate(orders):  # right's states, moved, and their neighbours looked up afresh
        moved = nearest_states(_states(2)[order])
        again = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(x, moved, strict=True)])
        assert found.null[number] == pytest.approx(again)
    assert found.null.max() < 0.1 < found.figure.value
