"""Sparse products against numpy."""

import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.activity import compact
from samedream.comparison.products import group_sums, sums


def activity(seed, features, passages=50, density=0.3):
    random = np.random.default_rng(seed)
    return (random.exponential(size=(passages, features)) * (random.random((passages, features)) < density)).astype(
        "f4"
    )


@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_sums_are_the_matrix_product(density):
    x, y = activity(0, 7, density=density), activity(1, 9, density=density)
    found = sums(sparse.csc_array(x), sparse.csr_array(y))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, x.T @ y, rtol=1e-5, atol=1e-6)


def test_group_sums_by_hand():
    # passages 0, 1 in group 0 and 2, 3 in group 1; x fires in 0 and 2, y in 2 and 3
    x, y = (sparse.csc_array(np.array(column, np.float32)[:, None]) for column in ([2, 0, 3, 0], [0, 0, 5, 1]))
    found = group_sums(x, y, np.array([0]), groups=np.array([0, 0, 1, 1]), n_groups=2)
    assert found[:, :, 0].tolist() == [[2, 3], [0, 6], [4, 9], [0, 26], [0, 15]]


def test_group_sums_of_many_pairs_are_numpys():
    x, y = activity(2, 6), activity(3, 8)
    partner, groups = np.array([7, 0, 0, 3, 5, 1]), np.random.default_rng(4).integers(0, 5, size=50)
    found = group_sums(sparse.csc_array(x), sparse.csc_array(y), partner, groups=groups, n_groups=5)
    u, v = x.astype(float), y[:, partner].astype(float)
    for group in range(5):
        here = groups == group
        expected = [part[here].sum(axis=0) for part in (u, v, u * u, v * v, u * v)]
        np.testing.assert_allclose(found[:, group], expected, rtol=1e-12)


def test_places_are_made_narrow_and_nothing_else_changes():
    wide = sparse.csr_array(activity(5, 4))
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    before = wide.toarray()
    found = compact(wide)
    assert found.indices.dtype == found.indptr.dtype == np.int32
    np.testing.assert_array_equal(found.toarray(), before)
