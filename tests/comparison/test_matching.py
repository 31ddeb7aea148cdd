import numpy as np
import pytest
from scipy import sparse

from samedream.comparison import correlation, matching
from samedream.comparison.activity import prepare
from samedream.comparison.blocks import split_blocks
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.correlation import correlate, pair_correlation, panels, side

CONFIG = ComparisonConfig(keep_per_passage=None, min_passages=5)


def _activity(seed, features, passages=120):
    rng = np.random.default_rng(seed)
    return (rng.exponential(size=(passages, features)) * (rng.random((passages, features)) < 0.3)).astype(np.float32)


@pytest.mark.parametrize("dense", [(True, True), (True, False), (False, False)])
def test_pearson_of_all_pairs_is_numpys(dense, monkeypatch):
    monkeypatch.setattr(correlation, "PANEL_BYTES", 4 * 9 * 3)  # three left features a panel
    x, y = _activity(0, 7), _activity(1, 9)
    x[:, 2] = 0  # dead: correlation 0, not NaN
    left, right = (side(sparse.csr_array(m), dense=d) for m, d in zip((x, y), dense, strict=True))
    found = np.vstack([r for _, r in panels(left, right)])
    expected = np.zeros((7, 9))
    alive = np.arange(7) != 2
    expected[alive] = np.corrcoef(x[:, alive].T, y.T)[:6, 6:]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_what_is_dense_in_fact_and_small_is_held_so(monkeypatch):
    thick, thin = (sparse.csr_array(_activity(0, 7) * keep) for keep in (1, np.arange(7) == 3))
    assert side(thick).dense is not None  # 30 % of it
    assert side(thin).dense is None  # 4 %
    monkeypatch.setattr(correlation, "DENSE_BYTES", 4 * 120 * 7 - 1)
    assert side(thick).dense is None


@pytest.mark.parametrize("dense", [True, False])
def test_a_shuffle_pairs_passages_as_it_says(dense):
    x, y = _activity(2, 5), _activity(3, 4)
    order = np.random.default_rng(4).permutation(120)
    left, right = (side(sparse.csr_array(m), dense=dense) for m in (x, y))
    chosen = np.array([3, 0])
    expected = np.corrcoef(x[order][:, chosen].T, y.T)[:2, 2:]
    np.testing.assert_allclose(correlate(left, right, chosen, shuffle=order), expected, atol=2e-6)


def test_pairs_with_a_group_left_out_are_recomputed_by_numpy():
    x, y = _activity(5, 6), _activity(6, 8)
    partner = np.array([0, 7, 3, 3, 1, 2])
    groups = np.random.default_rng(7).integers(0, 5, size=120)
    left, right = (side(sparse.csr_array(m), dense=False) for m in (x, y))
    r, without = pair_correlation(left, right, partner, groups=groups, n_groups=5)
    for i, j in enumerate(partner):
        assert r[i] == pytest.approx(np.corrcoef(x[:, i], y[:, j])[0, 1], abs=1e-12)
        for g in range(5):
            rest = groups != g
            assert without[g, i] == pytest.approx(np.corrcoef(x[rest, i], y[rest, j])[0, 1], abs=1e-12)


def _naive(x, y, blocks):
    """Held-out matching as its definition reads."""
    first, second = (half.rows for half in blocks.halves)
    r = [np.corrcoef(x[rows].T, y[rows].T)[: x.shape[1], x.shape[1] :] for rows in (first, second)]
    chosen = [r[0].argmax(axis=1), r[1].argmax(axis=1)]
    i = np.arange(x.shape[1])
    return chosen, r[1][i, chosen[0]], r[0][i, chosen[1]], r


def test_matching_equals_its_definition_both_ways():
    rng = np.random.default_rng(8)
    x = _activity(9, 20, passages=300)
    noisy = x[:, :10] * rng.lognormal(0, 1, size=(300, 10)).astype(np.float32)
    y = np.concatenate([noisy, _activity(10, 15, 300)], axis=1)
    blocks = split_blocks(np.arange(300) // 3, 300, 0)
    a, b = (prepare(m, "left", CONFIG) for m in (x, y))
    left, right = (matching.halves_of(activity, blocks) for activity in (a, b))
    ab, ba = matching.match(left, right, blocks)
    for found, (one, two) in ((ab, (a, b)), (ba, (b, a))):
        chosen, r_first, r_second, r = _naive(one.matrix.toarray(), two.matrix.toarray(), blocks)
        np.testing.assert_allclose(found.r_first, r_first, atol=1e-6)
        np.testing.assert_allclose(found.r_second, r_second, atol=1e-6)
        np.testing.assert_allclose(found.r, (r_first + r_second) / 2, atol=1e-6)
        i = np.arange(r_first.size)
        both = [(r[0] + r[1])[i, c] for c in chosen]
        assert np.array_equal(found.partner, np.where(both[1] > both[0], chosen[1], chosen[0]))
    assert (ab.partner[:10] == np.arange(10)).all()
    assert ab.without.shape == (50, 20)


def test_jackknife_equals_recomputing_with_passages_deleted():
    x, y = _activity(11, 6, 200), _activity(12, 6, 200)
    y[:, :3] += x[:, :3]
    blocks = split_blocks(np.arange(200) // 2, 200, 0)
    a, b = (prepare(m, "left", CONFIG) for m in (x, y))
    left, right = (matching.halves_of(activity, blocks) for activity in (a, b))
    found, _ = matching.match(left, right, blocks)
    u, v = a.matrix.toarray().astype(float), b.matrix.toarray().astype(float)
    chosen, *_ = _naive(u, v, blocks)
    first, second = blocks.halves
    for g in range(25):
        kept = second.rows[second.groups != g]  # group g of half 2 changes only what half 2 scored
        expected = [(np.corrcoef(u[kept, i], v[kept, chosen[0][i]])[0, 1] + found.r_second[i]) / 2 for i in range(6)]
        np.testing.assert_allclose(found.without[25 + g], expected, atol=1e-9)
        kept = first.rows[first.groups != g]
        expected = [(np.corrcoef(u[kept, i], v[kept, chosen[1][i]])[0, 1] + found.r_first[i]) / 2 for i in range(6)]
        np.testing.assert_allclose(found.without[g], expected, atol=1e-9)


def test_held_out_scores_have_no_winners_curse():
    x, y = _activity(13, 100, 200), _activity(14, 400, 200)
    blocks = split_blocks(np.arange(200), 200, 0)
    left, right = (matching.halves_of(prepare(m, "left", CONFIG), blocks) for m in (x, y))
    found, _ = matching.match(left, right, blocks)
    chosen_on = correlate(left[0], right[0], slice(None)).max(axis=1)
    assert chosen_on.mean() > 0.25  # the maximum of 400 correlations over 100 passages
    assert abs(found.r.mean()) < 0.02  # nothing is shared
