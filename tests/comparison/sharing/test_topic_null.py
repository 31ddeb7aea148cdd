import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.blocks import split_blocks, within
from samedream.comparison.correlation import side
from samedream.comparison.estimates import Direction
from samedream.comparison.sharing import topic_null as of_topics
from samedream.comparison.sharing.topic_null import beyond_topic, summarise, topic_null


def test_null_scores_are_taken_about_the_mean_of_the_others():
    scores = np.array([[0.1, 0.5], [0.2, 0.5], [0.6, 0.5]])
    null = summarise(np.array([4, 9]), scores, np.array([0, 0]))
    assert null.expected == pytest.approx([0.3, 0.5])
    others = [0.1 - 0.4, 0.2 - 0.35, 0.6 - 0.15]
    assert null.spread[0] == pytest.approx(sorted([*others, 0.0, 0.0, 0.0]))


def test_what_lies_above_its_own_null_survives():
    rng = np.random.default_rng(0)
    scores = np.concatenate([np.zeros((25, 30)), np.full((25, 10), 0.5)], axis=1) + rng.normal(0, 0.02, (25, 40))
    r = np.full(40, 0.5)
    r[:3] = 0.0
    direction = Direction(r=r, without=np.tile(r, (4, 1)), threshold=r, chance=r, halves=(2, 2))
    null = summarise(np.arange(40), scores, np.zeros(40, dtype=np.int64))
    surviving, exceeding, explained = beyond_topic(direction, null, 0.05)
    assert surviving.value == pytest.approx(27 / 40)  # three are nothing, ten are their topic
    assert exceeding.value == pytest.approx(27 / 40, abs=2 / 40)
    assert explained.value == pytest.approx(0.5 * 10 / (0.5 * 37), abs=0.02)


def test_more_matches_than_can_be_tested_are_drawn(monkeypatch):
    monkeypatch.setattr(of_topics, "MAX_TESTED", 10)
    rng = np.random.default_rng(1)
    blocks = split_blocks(np.arange(200), 200, 0)
    topic = rng.integers(0, 3, size=200)
    base = (rng.random((200, 40)) < 0.3).astype(np.float32)
    halves = tuple(side(sparse.csr_array(base[half.rows])) for half in blocks.halves)
    restricted, stratum = within(blocks, topic), np.zeros(40, dtype=np.int64)
    null = topic_null(halves, halves, restricted, matched=np.arange(5, 40), stratum=stratum, permutations=20, seed=0)
    assert null.tested.size == 10
    assert len(set(null.tested)) == 10
    assert null.tested.min() >= 5
    assert np.abs(null.expected).max() < 0.2  # features that know nothing of topics
    again = topic_null(halves, halves, restricted, matched=np.arange(5, 40), stratum=stratum, permutations=20, seed=0)
    assert np.array_equal(null.expected, again.expected)
