"""Exemplars of like meaning: by hand, against a slow reference, on planted truth."""

import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.activity import prepare
from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.meaning import alike, profiles
from samedream.comparison.similarity import STRONGEST
from samedream.errors import ComparisonError

QUICK = ComparisonConfig(permutations=20)


def _side(rng, features, blocks, rate=0.2):
    dense = rng.exponential(size=(blocks.size, features)) * (rng.random((blocks.size, features)) < rate)
    return prepare(sparse.csr_array(dense), "left", QUICK)


@pytest.fixture
def articles():
    return np.repeat(np.arange(150), 4)


def test_a_profile_is_the_weighted_mean_of_the_strongest_passages_less_the_corpus(articles):
    rng = np.random.default_rng(0)
    side, blocks = _side(rng, 30, articles, rate=0.5), split_blocks(articles, 600, 0)
    embedding = rng.normal(2, 1, size=(600, 6)).astype(np.float32)
    found = profiles(side, blocks, embedding)
    for half, profile in zip(blocks.halves, found, strict=True):
        assert profile.shape == (30, 6)
        for feature in range(30):
            activity = side.raw.toarray()[half.rows, feature]
            strongest = np.argsort(-activity, kind="stable")[:STRONGEST]
            assert activity[strongest[-1]] > 0
            mean = np.average(embedding[half.rows[strongest]], axis=0, weights=activity[strongest])
            mean = mean - embedding.mean(axis=0)
            np.testing.assert_allclose(profile[feature], mean / np.linalg.norm(mean), atol=1e-4)


def test_alike_follows_its_definition():
    rng = np.random.default_rng(1)
    here, there = (tuple(rng.normal(size=(n, 5)).astype(np.float32) for _ in range(2)) for n in (40, 250))
    partner = rng.integers(250, size=40)
    support = np.arange(250)  # two strata of firing rate, 125 features each
    found = alike(here, there, partner, support=support)
    for feature, mate in enumerate(partner):
        cosine = [(here[0][feature] @ there[1][j] + here[1][feature] @ there[0][j]) / 2 for j in range(250)]
        others = [cosine[j] for j in range(250) if (j < 125) == (mate < 125) and j != mate]
        assert found.partner[feature] == pytest.approx(cosine[mate], abs=1e-5)
        assert found.random[feature] == pytest.approx(np.mean(others), abs=1e-5)
        assert found.own[feature] == pytest.approx(here[0][feature] @ here[1][feature], abs=1e-5)


def test_a_half_without_firing_has_no_meaning(articles):
    blocks = split_blocks(articles, 600, 0)
    dense = np.zeros((600, 1))
    dense[blocks.halves[0].rows[:40]] = 1.0
    side = prepare(sparse.csr_array(dense), "left", QUICK)
    first, second = profiles(side, blocks, np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32))
    assert np.linalg.norm(first) == pytest.approx(1.0) and not second.any()
    found = alike((first, second), (first, second), np.array([0]), support=np.array([40]))
    assert (found.partner[0], found.random[0], found.own[0]) == (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def pair(planted):
    return planted(0.5, seed=11, articles=500, left=200, right=300)


def _embedding(pair, rng):
    """Passages that mean what the left model's features show of them, in 64 random directions."""
    strength = np.log1p((pair.left > 0).toarray())
    return (strength @ rng.normal(size=(strength.shape[1], 64))).astype(np.float32)


def test_matched_features_are_alike_in_meaning_and_random_ones_are_not(pair):
    rng = np.random.default_rng(0)
    embedding = _embedding(pair, rng)
    found = compare(pair.left, pair.right, pair.blocks, QUICK, **pair.inputs(), context=Context(embedding=embedding))
    shuffled = Context(embedding=embedding[rng.permutation(len(embedding))])
    without = compare(pair.left, pair.right, pair.blocks, QUICK, **pair.inputs(), context=shuffled)
    table = found.matches.to_pydict()
    for side, way in (("a", "a_to_b"), ("b", "b_to_a")):
        figures = found.embedding_similarity[way]
        assert figures["matched"] > 0.4 > 0.2 > abs(figures["random"])
        assert abs(without.embedding_similarity[way]["matched"]) < 0.1
        rows = [i for i, q in enumerate(table["q_value"]) if table["side"][i] == side and q is not None and q <= 0.05]
        assert figures["matched"] == pytest.approx(np.mean([table["embedding_similarity"][i] for i in rows]))
    assert [e is None for e in table["embedding_similarity"]] == [r is None for r in table["r"]]


def test_meaning_is_blind_to_scale_and_to_what_all_passages_have_in_common(pair):
    embedding = _embedding(pair, np.random.default_rng(0))
    one, other = (
        compare(pair.left, pair.right * gain, pair.blocks, QUICK, context=Context(embedding=seen))
        for gain, seen in ((1.0, embedding), (8.0, 3 * embedding + 2))
    )
    one, other = (np.array(found.matches["embedding_similarity"], dtype=float) for found in (one, other))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_without_an_embedding_there_is_no_figure(pair):
    found = compare(pair.left, pair.right, pair.blocks, QUICK)
    assert found.embedding_similarity == {"a_to_b": None, "b_to_a": None}
    assert found.matches["embedding_similarity"].null_count == 500
    with pytest.raises(ComparisonError) as error:
        compare(pair.left, pair.right, pair.blocks, QUICK, context=Context(embedding=np.zeros((7, 3), np.float32)))
    assert str(error.value) == (
        f"context: embedding has shape [7, 3], expected [{pair.left.shape[0]}, width]: a row for each passage, in the "
        f"same order as left's"
    )
