import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.granularity import effective_articles


def test_effective_articles_by_hand():
    blocks = split_blocks(np.repeat(np.arange(20), 2), 40, 0)
    activity = np.zeros((40, 4))
    activity[:2, 0] = 5.0  # one article
    activity[:, 1] = 1.0  # twenty alike
    activity[[0, 2], 2] = [3.0, 1.0]  # shares .75 and .25
    expected = [1.0, 20.0, np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), 0.0]
    np.testing.assert_allclose(effective_articles(sparse.csr_array(activity), blocks), expected)


def test_a_side_whose_features_are_parts_of_the_others_is_narrower():
    rng = np.random.default_rng(0)
    broad = (rng.random((1200, 60)) < 0.2) * rng.uniform(0.5, 1.5, size=(1200, 60))
    narrow = broad * (rng.random((1200, 60)) < 0.6)
    config = ComparisonConfig(permutations=20)
    blocks = np.arange(1200) // 2
    there, back = compare(narrow, broad, blocks, config), compare(broad, narrow, blocks, config)
    assert there.granularity["verdict"] == "narrower"
    assert there.granularity["containment"]["value"] == pytest.approx(0.4, abs=0.05)
    assert back.granularity["verdict"] == "broader"
    assert there.granularity["a"]["median_firing_rate"] == pytest.approx(0.12, abs=0.01)
    assert there.granularity["b"]["median_firing_rate"] == pytest.approx(0.2, abs=0.01)


def test_too_few_pairs_give_no_verdict(planted):
    pair = planted(0.0, seed=1, articles=200, left=60, right=60)
    found = compare(pair.left, pair.right, pair.blocks, ComparisonConfig(permutations=20, min_passages=10))
    assert found.granularity["verdict"] is None
    assert found.granularity["containment"] is None
