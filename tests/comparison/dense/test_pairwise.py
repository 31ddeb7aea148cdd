import itertools

import numpy as np
import pytest

from samedream.comparison.blocks import split_blocks
from samedream.comparison.dense.calibration import shuffles
from samedream.comparison.dense.grams import of_states
from samedream.comparison.dense.pairwise import cka_and_rsa, sums_of


def hsic(k, other):
    """The U-statistic by its definition: a mean over all four different passages (Song et al. 2012, equation 4)."""
    total, count = 0.0, 0
    for i, j, q, r in itertools.permutations(range(len(k)), 4):
        total += k[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
        count += 1
    return total / count


def debiased(x, y):
    """CKA from uncentred states, with the closed form that `test_the_closed_form` checks against the definition."""

    def closed(k, other):
        n = len(k)
        k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
        product = k @ other
        rest = k.sum() * other.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * product.sum()
        return (np.trace(product) + rest) / (n * (n - 3))

    k, other = x @ x.T, y @ y.T
    return closed(k, other) / np.sqrt(closed(k, k) * closed(other, other)), closed


def rsa(x, y):
    upper = np.triu_indices(len(x), 1)
    return np.corrcoef(x[upper], y[upper])[0, 1]


def _pair(n=120, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 6))
    x = common @ rng.normal(size=(6, 20)) + rng.normal(size=(n, 20)) * 2 + 3
    y = common @ rng.normal(size=(6, 30)) + rng.normal(size=(n, 30)) * 2 - 1
    return x.astype(np.float32), y.astype(np.float32)


@pytest.fixture(scope="module")
def setting():
    x, y = _pair()
    blocks = split_blocks(np.repeat(np.arange(60), 2), 120, 0)
    grams = of_states(x, blocks), of_states(y, blocks)
    orders = shuffles(blocks, 8, 0)
    cka, similarity = cka_and_rsa(*(sums_of(gram, blocks) for gram in grams), blocks, orders)
    return x.astype(float), y.astype(float), blocks, grams, orders, cka, similarity


def test_the_closed_form_is_the_estimator_by_its_definition():
    x, y = (states[:7].astype(float) for states in _pair(seed=3))
    closed = debiased(x, y)[1]
    assert closed(x @ x.T, y @ y.T) == pytest.approx(hsic(x @ x.T, y @ y.T))


def test_cka_is_that_of_the_uncentred_kernels(setting):
    x, y, *_, cka, _ = setting
    assert cka.figure.value == pytest.approx(debiased(x, y)[0], abs=1e-4)
    assert 0.1 < cka.figure.value < 0.9


def test_rsa_is_the_correlation_of_the_cosines(setting):
    _, _, _, (left, right), _, _, found = setting
    assert found.figure.value == pytest.approx(rsa(left.cosine, right.cosine), abs=1e-5)


def test_leaving_a_group_out_is_computing_it_without_the_group(setting):
    x, y, blocks, (left, right), _, cka, found = setting
    group = blocks.group
    assert cka.figure.without.size == found.figure.without.size == group.max() + 1
    for number in (0, 17, int(group.max())):
        keep = np.flatnonzero(group != number)
        assert cka.figure.without[number] == pytest.approx(debiased(x[keep], y[keep])[0], abs=1e-4)
        within = np.ix_(keep, keep)
        assert found.figure.without[number] == pytest.approx(rsa(left.cosine[within], right.cosine[within]), abs=1e-5)


def test_the_null_is_the_figure_on_shuffled_passages(setting):
    x, y, _, (left, right), orders, cka, found = setting
    for number, order in enumerate(orders):
        assert cka.null[number] == pytest.approx(debiased(x, y[order])[0], abs=1e-4)
        assert found.null[number] == pytest.approx(rsa(left.cosine, right.cosine[np.ix_(order, order)]), abs=1e-5)


def test_wide_noise_is_not_alike():
    """The reason for debiasing: plain CKA of two independent wide spaces is near 1."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100, 2000)).astype(np.float32)
    blocks = split_blocks(np.arange(100), 100, 0)
    cka, _ = cka_and_rsa(*(sums_of(of_states(z, blocks), blocks) for z in (x, y)), blocks, [])
    k, other = ((z - z.mean(axis=0)) @ (z - z.mean(axis=0)).T for z in (x, y))
    assert (k * other).sum() / np.sqrt((k * k).sum() * (other * other).sum()) > 0.9
    assert abs(cka.figure.value) < 0.05
