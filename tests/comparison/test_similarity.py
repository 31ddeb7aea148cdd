"""Measures of a pair, by hand and against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison.similarity import STRONGEST, overlap, weighted_jaccard

FIRST = (np.array([0]), np.array([0]))


def test_overlap_by_hand():
    # i fires in passages 0 and 1, j in 0, 1, 2, 3: P(j|i) = 1, P(i|j) = .5. The 1 of i is 10 % of its maximum: no
    left = sparse.csr_array(np.array([[10.0], [8.0], [1.0], [0.0], [0.0]]))
    right = sparse.csr_array(np.array([[3.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 0.0], [0.0, 1.0]]))
    found = overlap(left, right, (np.array([0, 0]), np.array([0, 1])))
    np.testing.assert_allclose(found.right_given_left, [1.0, 0.0])
    np.testing.assert_allclose(found.left_given_right, [0.5, 0.0])
    # (5 * 2 - 2 * 4) / sqrt(2 * 3 * 4 * 1); (0 - 2 * 1) / sqrt(2 * 3 * 1 * 4)
    np.testing.assert_allclose(found.phi, [2 / 24**0.5, -2 / 24**0.5])


def test_what_always_or_never_fires_has_no_phi():
    left = sparse.csr_array(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    right = sparse.csr_array(np.array([[1.0], [0.0], [0.0]]))
    found = overlap(left, right, (np.array([0, 1]), np.array([0, 0])))
    assert found.phi.tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found.right_given_left, [1 / 3, 0.0])
    np.testing.assert_allclose(found.left_given_right, [1.0, 0.0])


def test_weighted_jaccard_by_hand():
    # shares .75, .25, 0 and .25, .25, .5: minima .5, maxima 1.5
    left, right = (sparse.csr_array(np.array(column)[:, None]) for column in ([3.0, 1.0, 0.0], [2.0, 2.0, 4.0]))
    np.testing.assert_allclose(weighted_jaccard(left, right, FIRST), [1 / 3])
    np.testing.assert_allclose(weighted_jaccard(left, left * 7.0, FIRST), [1.0])
    np.testing.assert_allclose(weighted_jaccard(left, sparse.csr_array((3, 1)), FIRST), [0.0])


def test_only_the_strongest_passages_count():
    left = np.zeros((2 * STRONGEST, 1))
    left[:STRONGEST] = 2.0
    right = left.copy()
    right[STRONGEST:] = 1.0  # weaker ones: no exemplars
    np.testing.assert_allclose(weighted_jaccard(*map(sparse.csr_array, (left, right)), FIRST), [1.0])
    right[STRONGEST:] = 3.0  # stronger ones take all the places
    np.testing.assert_allclose(weighted_jaccard(*map(sparse.csr_array, (left, right)), FIRST), [0.0])


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
@settings(deadline=None, max_examples=30)
def test_measures_follow_their_definitions(seed, density):
    rng = np.random.default_rng(seed)
    x, y = (rng.exponential(size=(40, 5)) * (rng.random((40, 5)) < density) for _ in range(2))
    pairs = (np.array([0, 1, 4, 4]), np.array([3, 1, 0, 4]))
    found = overlap(sparse.csr_array(x), sparse.csr_array(y), pairs)
    jaccard = weighted_jaccard(sparse.csr_array(x), sparse.csr_array(y), pairs)
    for place, (i, j) in enumerate(zip(*pairs, strict=True)):
        u, v = (m[:, f] > 0.2 * m[:, f].max() for m, f in ((x, i), (y, j)))
        if u.std() and v.std():
            np.testing.assert_allclose(found.phi[place], np.corrcoef(u, v)[0, 1], atol=1e-12)
        p, q = (m[:, f] / max(m[:, f].sum(), 1e-300) for m, f in ((x, i), (y, j)))
        if p.any() and q.any():
            np.testing.assert_allclose(jaccard[place], np.minimum(p, q).sum() / np.maximum(p, q).sum(), atol=1e-12)


def test_the_screen_by_hand():
    # 6 passages, both fire in 3 of them and in 2 together: C(3,2) C(3,1) + C(3,3) = 10 of C(6,3) = 20 ways do as well
    x = sparse.csr_array(np.array([[1, 1, 1, 0, 0, 0]], dtype=np.float32).T)
    y = sparse.csr_array(np.array([[0, 1, 1, 1, 0, 0]], dtype=np.float32).T)
    zero = np.array([0])
    assert overlap(x, y, (zero, zero)).chance.tolist() == pytest.approx([0.5])
    assert overlap(x, x, (zero, zero)).chance.tolist() == pytest.approx([1 / 20])
