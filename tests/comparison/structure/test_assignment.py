from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison.activity import prepare
from samedream.comparison.blocks import split_blocks
from samedream.comparison.candidates import Candidates
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.matching import halves_of, match
from samedream.comparison.structure.assignment import ALONE, Party, assign, best_matching, one_to_one

CONFIG = ComparisonConfig(keep_per_passage=None, min_passages=5)


def test_assignment_by_hand():
    # 0-0 .9 + 1-1 .1 would leave 1.0; 0-1 .8 + 1-0 .7 is 1.5: both give way. 2 has nothing above 0 and stays alone
    left, right = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2])
    gain = np.array([0.9, 0.8, 0.7, 0.1, -0.2])
    assert best_matching(left, right, gain, shape=(3, 3)).tolist() == [1, 0, ALONE]
    assert best_matching(left, right, gain - 0.65, shape=(3, 3)).tolist() == [0, ALONE, ALONE]  # .25 beats .15 + .05
    assert best_matching(left[:0], right[:0], gain[:0], shape=(2, 5)).tolist() == [ALONE, ALONE]


def _slowly(gain):
    """The largest sum over all partial matchings, every one of them tried."""
    rows, columns = gain.shape
    padded = np.concatenate([gain, np.zeros((rows, rows))], axis=1)
    return max(sum(padded[i, j] for i, j in enumerate(p)) for p in permutations(range(columns + rows), rows))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3))
def test_no_partial_matching_is_worth_more(seed, rows, columns):
    gain = np.random.default_rng(seed).normal(size=(rows, columns)).round(3)
    i, j = (place.ravel() for place in np.indices(gain.shape))
    found = best_matching(i, j, gain.ravel(), shape=gain.shape)
    paired = found != ALONE
    assert np.unique(found[paired]).size == paired.sum()
    assert abs(gain[paired, found[paired]].sum() - max(0.0, _slowly(np.maximum(gain, 0)))) < 1e-9


def test_the_bars_are_the_price_and_edges_come_from_both_ends():
    # left 0 knows right 1 only, but right 0 knows left 0; the bar of right 1 is too high for .5
    of_left = Candidates(np.array([[1], [1]]), np.array([[0.5], [0.6]], dtype=np.float32))
    of_right = Candidates(np.array([[0], [1]]), np.array([[0.4], [0.6]], dtype=np.float32))
    near = of_left, of_right
    assert assign(near, (np.array([0.1, 0.1]), np.array([0.1, 0.1]))).tolist() == [0, 1]
    assert assign(near, (np.array([0.1, 0.1]), np.array([0.1, 0.7]))).tolist() == [0, ALONE]
    assert assign(near, (np.array([np.inf, 0.1]), np.array([0.1, 0.1]))).tolist() == [ALONE, 1]


def _parties(x, y, bar, blocks):
    a, b = prepare(x, "left", CONFIG), prepare(y, "right", CONFIG)
    left, right = halves_of(a, blocks), halves_of(b, blocks)
    there, back = match(left, right, blocks)
    return Party(left, there, np.full(a.eligible.size, bar)), Party(right, back, np.full(b.eligible.size, bar))


def test_two_that_share_a_best_partner_are_told_apart_and_scored_held_out():
    rng = np.random.default_rng(0)
    x = (rng.exponential(size=(600, 12)) * (rng.random((600, 12)) < 0.3)).astype(np.float32)
    y = x * rng.lognormal(0, 0.3, size=x.shape).astype(np.float32)
    y[:, 1] = 0.6 * x[:, 1] + 0.8 * x[:, 0]  # of its own, but best known as a copy of 0
    blocks = split_blocks(np.arange(600) // 2, 600, 0)
    left, right = _parties(sparse.csr_array(x), sparse.csr_array(y[:, ::-1]), 0.2, blocks)
    there, back = one_to_one(left, right)
    assert there.partner.tolist() == list(range(11, -1, -1))
    assert np.array_equal(back.partner[there.partner], np.arange(12))
    assert np.array_equal(back.r[there.partner], there.r)
    for i, j in enumerate(there.partner):
        u, v = left.halves, right.halves
        expected = [np.corrcoef(u[h].rows[:, [i]].toarray().T, v[h].rows[:, [j]].toarray().T)[0, 1] for h in (0, 1)]
        assert abs(there.r[i] - np.mean(expected)) < 1e-6


def test_noise_stays_alone():
    rng = np.random.default_rng(1)
    x, y = ((rng.random((400, 60)) < 0.2).astype(np.float32) for _ in range(2))
    blocks = split_blocks(np.arange(400), 400, 0)
    left, right = _parties(sparse.csr_array(x), sparse.csr_array(y), 0.18, blocks)
    near = left.matching.candidates[0], right.matching.candidates[0]
    assert (assign(near, (left.bar, right.bar)) != ALONE).mean() > 0.2  # the winner's curse of one half
    there, back = one_to_one(left, right)
    assert (there.partner != ALONE).sum() == (back.partner != ALONE).sum() <= 4  # r above .18 by chance, twice tried
    assert np.isnan(there.r[there.partner == ALONE]).all()
