import numpy as np
import pytest

from samedream.comparison.activity import prepare
from samedream.comparison.blocks import split_blocks
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.matching import halves_of, match
from samedream.comparison.nulls import (
    Drawn,
    calibrated,
    false_passes,
    permutation_null,
    rank_p,
    strata,
    stratum_edges,
    summarise,
)


def test_add_one_p_values_by_hand():
    # null .1 .2 .3 .4: r = .25 has two at least as large: (1 + 2) / (1 + 4); r = .5: 1 / 5; r = .4: 2 / 5
    pools = (np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0]))
    p = rank_p(np.array([0.25, 0.5, 0.4, 0.5]), np.array([0, 0, 0, 1]), pools)
    np.testing.assert_allclose(p, [0.6, 0.2, 0.4, 0.5])


def test_calibrated_score_by_hand():
    # tau = .2: (.6 - .2) / .8 = .5; below tau 0; a perfect match 1
    np.testing.assert_allclose(calibrated(np.array([0.6, 0.1, 1.0]), 0.2), [0.5, 0.0, 1.0])


def test_threshold_is_the_95_percent_quantile_of_the_stratum():
    scores = np.concatenate([np.arange(100) / 1000, np.arange(100) / 100])
    null = summarise(np.array([0, 1, 1]), Drawn(np.repeat([0, 1], 100), scores, scores, scores), n_strata=2)
    # position .95 * 99 = 94.05 of 0..99, taken upwards: 95
    np.testing.assert_allclose(null.threshold, [0.095, 0.95, 0.95])
    assert [pool.size for pool in null.largest_of_both] == [100, 100]
    # what chance gives: (.096 + .097 + .098 + .099 - 4 * .095) / .905 / 100
    assert null.chance[0] == pytest.approx(0.010 / 0.905 / 100)


def test_strata_have_even_numbers_and_none_is_thin():
    rng = np.random.default_rng(0)
    support = rng.geometric(0.02, size=1000)
    stratum = strata(support, stratum_edges(support))
    assert np.bincount(stratum).size == 8
    assert np.bincount(stratum).min() >= 100
    assert support[stratum == 0].max() < support[stratum == 7].min()
    tied = np.full(1000, 60)
    tied[:30] = 90
    assert set(strata(tied, stratum_edges(tied))) == {0}
    assert stratum_edges(np.arange(50)).size == 0


def _independent(seed, features, article):
    """Features that follow whole articles, so that passages are far from independent."""
    rng = np.random.default_rng(seed)
    articles = int(article.max()) + 1
    rate = rng.uniform(0.05, 0.4, size=features)
    burst = (rng.random((articles, features)) < rate) * rng.lognormal(0, 0.5, size=(articles, features))
    return burst[article] * (rng.random((article.size, features)) < 0.9)


@pytest.mark.parametrize("sizes", [[3], [1, 2, 3, 4]])
def test_independent_activity_passes_no_more_than_it_should(sizes):
    article = np.repeat(np.arange(300), np.resize(sizes, 300))
    config = ComparisonConfig()
    blocks = split_blocks(article, article.size, 0)
    a, b = (prepare(_independent(seed, 300, article), "left", config) for seed in (1, 2))
    left, right = halves_of(a, blocks), halves_of(b, blocks)
    stratum = strata(a.support, stratum_edges(a.support))
    null = permutation_null(left, right, blocks, stratum=stratum, permutations=40, seed=0, what="")
    found, _ = match(left, right, blocks)
    # the held-out scores are uniform in p: 5 % of 300 features, standard deviation 1.3 %, widened by shared passages
    assert 0.01 <= (null.p_values(found.r) <= 0.05).mean() <= 0.09
    assert 0.01 <= (found.r > null.threshold).mean() <= 0.09
    # shuffling passages one by one would not see that articles hang together: the spread is that of articles
    assert np.concatenate(null.scores).std() > 1.2 / np.sqrt(article.size)


def test_the_null_is_the_same_every_time():
    article = np.arange(200)
    config = ComparisonConfig(min_passages=5)
    blocks = split_blocks(article, 200, 0)
    left, right = (halves_of(prepare(_independent(seed, 30, article), "left", config), blocks) for seed in (3, 4))
    one, two = (
        permutation_null(left, right, blocks, stratum=np.zeros(30, dtype=np.int64), permutations=20, seed=5, what="")
        for _ in range(2)
    )
    assert np.array_equal(one.scores[0], two.scores[0])
    assert one.scores[0].size == 20 * 30


def test_false_passes_by_hand():
    scores = np.concatenate([np.arange(100) / 1000, np.arange(100) / 100])
    null = summarise(np.array([0, 0, 0, 1, 1]), Drawn(np.repeat([0, 1], 100), scores, scores, scores), n_strata=2)
    r, passes = np.array([0.09, 0.2, 0.0, 0.5, 0.4]), np.array([True, True, False, False, False])
    # the lowest that passes in stratum 0 has .09: 10 of 100 null scores are at least that, so .1 of 3 features
    assert false_passes(null, r, passes) == pytest.approx(0.3)
    # and in stratum 1, with .5: half of its null scores, of 2 features
    assert false_passes(null, r, passes | (r == 0.5)) == pytest.approx(0.3 + 1.0)
    assert false_passes(null, r, np.zeros(5, np.bool_)) == 0.0
