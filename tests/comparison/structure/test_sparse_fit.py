import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from samedream.comparison import correlation
from samedream.comparison.correlation import side
from samedream.comparison.structure.sparse_fit import among, explained, fit

NOTHING = np.zeros(1)


def _correlations(seed, n):
    """Of y with n candidates, and among these; y is a sum of some of them and noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, n)) + 0.7 * rng.normal(size=(300, 1))
    y = x @ (rng.random(n) * (rng.random(n) < 0.6)) + rng.normal(size=300)
    whole = np.corrcoef(np.column_stack([y, x]).T)
    return whole[:1, 1:].astype(np.float32), whole[None, 1:, 1:].astype(np.float32)


def test_fit_by_hand():
    # two candidates of r .6 and .5 that share nothing keep their r; a copy of the first adds nothing
    r = np.array([[0.6, 0.5, 0.6]], dtype=np.float32)
    inside = np.array([[[1, 0, 1], [0, 1, 0], [1, 0, 1]]], dtype=np.float32)
    found = fit(r, inside, np.array([0.1]))
    assert found.part[0, :2].tolist() == [0, 1]
    np.testing.assert_allclose(found.weight, [[0.6, 0.5, 0.0]], atol=1e-6)
    # with both among each other at .5: w = (r1 - .5 r2, r2 - .5 r1) / .75
    inside = np.array([[[1, 0.5], [0.5, 1]]], dtype=np.float32)
    found = fit(r[:, :2], inside, NOTHING)
    np.testing.assert_allclose(found.weight, [[0.35 / 0.75, 0.2 / 0.75]], atol=1e-6)
    assert explained(found.weight, r[:, :2].astype(float), inside.astype(float)) == pytest.approx(
        (0.6 * 0.35 + 0.5 * 0.2) / 0.75
    )


def test_a_candidate_joins_only_if_what_is_left_asks_for_it():
    # after .8 the rest has sqrt(.36) = .6 of the spread, so .1 is a correlation of .167 with it
    r, inside = np.array([[0.8, 0.1]] * 2, dtype=np.float32), np.tile(np.eye(2, dtype=np.float32), (2, 1, 1))
    found = fit(r, inside, np.array([0.16, 0.17]))
    np.testing.assert_allclose(found.weight, [[0.8, 0.1], [0.8, 0.0]], atol=1e-6)
    assert (fit(r, inside, np.array([0.81, 0.81])).weight == 0).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_with_room_for_all_it_is_non_negative_least_squares(seed, n):
    r, inside = _correlations(seed, n)
    found = fit(r, inside, NOTHING)
    weight = np.zeros(n)
    weight[found.part[0]] = found.weight[0]
    root = np.linalg.cholesky(inside[0].astype(float) + 1e-9 * np.eye(n))
    expected, _ = optimize.nnls(root.T, np.linalg.solve(root, r[0].astype(float)))
    best = explained(expected[None], r.astype(float), inside.astype(float))[0]
    assert explained(weight[None], r.astype(float), inside.astype(float))[0] == pytest.approx(best, abs=2e-3)
    assert (weight >= 0).all()


def test_no_more_than_eight_and_none_twice():
    r, inside = _correlations(5, 20)
    found = fit(r, inside, NOTHING)
    assert found.part.shape == (1, 8) and np.unique(found.part).size == 8


def test_groups_are_cut_from_all_correlations(monkeypatch):
    monkeypatch.setattr(correlation, "PANEL_BYTES", 4 * 9 * 2)
    rng = np.random.default_rng(2)
    x = rng.random((80, 9)).astype(np.float32) * (rng.random((80, 9)) < 0.5)
    wanted = np.array([[3, 0, 8], [1, 2, 7]]), np.array([[8, 4]])
    whole = np.corrcoef(x.astype(float).T)
    for dense in (True, False):
        for groups, found in zip(wanted, among(side(sparse.csr_array(x), dense=dense), wanted), strict=True):
            np.testing.assert_allclose(found, whole[groups[:, :, None], groups[:, None, :]], atol=2e-6)
