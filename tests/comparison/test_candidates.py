import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison import candidates, correlation
from samedream.comparison.candidates import nearest
from samedream.comparison.correlation import correlate, of_pairs, side


def _side(seed, features, passages=90):
    rng = np.random.default_rng(seed)
    return side(
        sparse.csr_array((rng.random((passages, features)) * (rng.random((passages, features)) < 0.4)).astype("f4"))
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 70), st.integers(1, 70), st.integers(1, 9))
def test_the_nearest_of_rows_and_columns_are_those_of_a_full_sort(seed, lefts, rights, panel):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlation, "PANEL_BYTES", 4 * rights * panel)
        left, right = _side(seed, lefts), _side(seed + 1, rights)
        of_left, of_right = nearest(left, right)
    r = correlate(left, right, slice(None))
    for found, whole in ((of_left, r), (of_right, r.T)):
        order = np.argsort(-whole, axis=1, kind="stable")[:, : candidates.NEAREST]
        np.testing.assert_allclose(found.r, np.take_along_axis(whole, order, axis=1), atol=1e-6)
        np.testing.assert_allclose(np.take_along_axis(whole, found.partner, axis=1), found.r, atol=1e-6)
        assert all(np.unique(row).size == row.size for row in found.partner)
        assert np.array_equal(found.best, found.partner[:, 0])


def test_equals_go_to_the_lower_number():
    twice = np.tile(np.random.default_rng(0).random((60, 1)).astype("f4"), 40)
    left = side(sparse.csr_array(twice), dense=False)
    for found in nearest(left, left):
        assert np.array_equal(found.partner, np.tile(np.arange(32), (40, 1)))


def test_correlation_of_pairs_is_numpys():
    left, right = _side(3, 6), _side(4, 8)
    partner = np.array([7, 0, 3, 3, 1, 2])
    x, y = left.rows.toarray().astype(float), right.rows.toarray().astype(float)
    expected = [np.corrcoef(x[:, i], y[:, j])[0, 1] for i, j in enumerate(partner)]
    np.testing.assert_allclose(of_pairs(left, right, partner), expected, atol=1e-12)
