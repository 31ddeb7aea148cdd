import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

from samedream.comparison.blocks import split_blocks
from samedream.comparison.dense.grams import of_activity, of_states


@pytest.fixture(scope="module")
def blocks():
    return split_blocks(np.repeat(np.arange(80), 3), 240, 0)


def _states(seed=0, n=240, d=40):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.geomspace(5, 0.5, d) + 30).astype(np.float32)


def _whole(gram):
    return gram.cosine.astype(np.float64) * np.outer(gram.norm, gram.norm) + np.diag(gram.norm**2)


def test_it_is_the_gram_matrix_of_centred_states(blocks):
    states = _states()
    centred = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    gram = of_states(states, blocks)
    np.testing.assert_allclose(_whole(gram), centred @ centred.T, atol=1e-2)
    expected = cosine_similarity(centred)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(gram.cosine, expected, atol=1e-5)


def test_sparse_activity_gives_what_the_same_numbers_dense_give(blocks):
    rng = np.random.default_rng(1)
    activity = sparse.random_array((240, 90), density=0.1, rng=rng, dtype=np.float32).tocsr()
    sparsely, densely = of_activity(activity, blocks), of_states(activity.toarray(), blocks)
    np.testing.assert_allclose(sparsely.cosine, densely.cosine, atol=1e-4)
    np.testing.assert_allclose(sparsely.norm, densely.norm, atol=1e-4)


def test_components_are_those_of_pca_fitted_on_one_half(blocks):
    states = _states(2)
    gram = of_states(states, blocks)
    for fold, (train, test) in zip(gram.folds, (blocks.halves, blocks.halves[::-1]), strict=True):
        count = fold.train.shape[1]
        assert count == train.rows.size // 10 == 12
        pca = PCA(count, svd_solver="full").fit(states[train.rows].astype(np.float64))
        for mine, theirs in (
            (fold.train, pca.transform(states[train.rows].astype(np.float64))),
            (fold.test, pca.transform(states[test.rows].astype(np.float64))),
        ):
            sign = np.sign((fold.train * pca.transform(states[train.rows].astype(np.float64))).sum(axis=0))
            np.testing.assert_allclose(mine * sign, theirs, atol=2e-2)
        assert fold.kept == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-4)


def test_no_more_components_than_the_states_have(blocks):
    states = _states(3, d=4)
    assert of_states(states, blocks).folds[0].train.shape[1] == 4


def test_what_does_not_vary_has_none(blocks):
    assert of_states(np.full((240, 5), 7, np.float32), blocks) is None
    assert of_activity(sparse.csr_array((240, 5), dtype=np.float32), blocks) is None
    states = _states(4)
    states[blocks.halves[0].rows] = 1  # one half does
    assert of_states(states, blocks) is None
