"""Comparisons whose answer is known beforehand (protocol, section 4); others are in test_compare.py."""

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from scipy import sparse

from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.sae.autoencoder import SparseAutoencoder

QUICK = ComparisonConfig(permutations=20)
TOPICS = 6


class World:
    """Passages of articles with a topic each, and concepts that turn up in some articles of their topic."""

    def __init__(self, seed, articles=360):
        self.rng = np.random.default_rng(seed)
        self.article = np.repeat(np.arange(articles), 2)
        self.topic = np.arange(articles) % TOPICS

    def concepts(self, count):
        """Strength of concepts, each in a third of the articles of its topic and in few others, [passages, count]."""
        near = self.topic[:, None] == np.arange(count) % TOPICS
        there = self.rng.random(near.shape) < np.where(near, 0.35, 0.02)
        return there[self.article] * self.rng.lognormal(0, 0.5, size=(self.article.size, count))

    def topics_only(self, count):
        """What follows a topic and nothing else: any passage of it, by chance, [passages, count]."""
        near = self.topic[self.article][:, None] == np.arange(count) % TOPICS
        return (self.rng.random(near.shape) < np.where(near, 0.9, 0.02)) * 1.0

    def dictionary(self, *strengths):
        """A dictionary's features in random order: each concept with a gain, noise and misses of its own."""
        strength = np.hstack(strengths)
        noise = self.rng.lognormal(0, 0.3, size=strength.shape) * (self.rng.random(strength.shape) < 0.9)
        gain = self.rng.lognormal(0, 1, size=strength.shape[1])
        order = self.rng.permutation(strength.shape[1])
        return sparse.csr_array((strength * noise * gain)[:, order].astype(np.float32))


@pytest.fixture
def world():
    return World(seed=3)


def test_hidden_states_rotated_with_their_dictionary_change_nothing():
    rng = np.random.default_rng(0)
    d, features, passages, tokens = 24, 96, 400, 6
    direction = rng.normal(size=(features, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    fires = rng.random((passages * tokens, features)) < 0.03
    states = (fires * rng.lognormal(1, 0.3, size=fires.shape)) @ direction + rng.normal(3, 0.05, size=d)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]

    def activity(turn):
        tensors = {
            "W_enc": (direction @ turn).T, "b_enc": np.full(features, -1.0), "W_dec": direction @ turn,
            "b_dec": np.full(d, 3.0) @ turn, "threshold": np.full(features, 0.5),
        }  # fmt: skip
        tensors = {name: torch.tensor(value, dtype=torch.float32) for name, value in tensors.items()}
        sae = SparseAutoencoder("jumprelu", tensors)
        encoded = sae.encode(torch.tensor(states @ turn, dtype=torch.float32)).numpy()
        return encoded.reshape(passages, tokens, features).max(axis=1), sae.W_dec.numpy()

    (plain, decoder), (turned, turned_decoder) = activity(np.eye(d)), activity(rotation)
    assert 0.05 < (plain > 0).mean() < 0.6
    # a value that is 1e-6 to either side of the threshold may fall on the other one; hardly any does
    assert (np.abs(plain - turned) > 1e-4).sum() <= 3
    best = (decoder @ turned_decoder.T).max(axis=1)
    strangers = rng.normal(size=(features, d))
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    assert best.mean() == pytest.approx((decoder @ strangers.T).max(axis=1).mean(), abs=0.05)  # chance
    articles = np.arange(passages) // 2
    found = compare(sparse.csr_array(plain), sparse.csr_array(turned), articles, QUICK)
    for way in (found.universality.a_to_b, found.universality.b_to_a):
        assert way.value == pytest.approx(1.0, abs=0.005)
    rows = found.matches.filter(pc.equal(found.matches["side"], "a")).to_pydict()
    assert rows["partner"] == rows["feature"]  # all features are frequent enough, and each finds itself


def test_a_second_random_twin_is_no_more_than_the_floor(world):
    words = world.concepts(48)  # what any network shows, trained or not
    left, twin_a = (np.hstack([words, world.concepts(72)]) for _ in range(2))
    twins = [np.hstack([words, world.concepts(72)]) for _ in range(2)]
    found = compare(
        world.dictionary(left), world.dictionary(twins[1]), world.article, QUICK,
        left_repeat=world.dictionary(left), right_repeat=world.dictionary(twins[1]),
        left_floor=world.dictionary(twin_a), right_floor=world.dictionary(twins[0]),
    )  # fmt: skip
    for way in ("a_to_b", "b_to_a"):
        floor, reached = getattr(found.floor, way), getattr(found.universality, way)
        assert floor.low > 0.2  # a floor of 0 would be no check
        assert reached.low <= floor.high and floor.low <= reached.high
        normalised, shared = getattr(found.normalised, way), getattr(found.shared_fraction, way)
        assert normalised.low <= 0.0 and abs(normalised.value) < 0.1
        assert shared.low == 0.0 and shared.value < 0.1


def test_a_nearly_equal_model_lies_near_the_ceiling(world):
    words, base = world.concepts(24), world.concepts(96)
    tuned = np.hstack([base[:, :92], world.concepts(4)])  # tuning has replaced 4 concepts of 96
    found = compare(
        world.dictionary(base, words), world.dictionary(tuned, words), world.article, QUICK,
        left_repeat=world.dictionary(base, words), right_repeat=world.dictionary(tuned, words),
        left_floor=world.dictionary(world.concepts(96), words), right_floor=world.dictionary(world.concepts(96), words),
    )  # fmt: skip
    for way in ("a_to_b", "b_to_a"):
        normalised, shared = getattr(found.normalised, way), getattr(found.shared_fraction, way)
        assert 0.9 < normalised.value < 1.0
        assert 0.9 < shared.value <= 1.0 and shared.low < 116 / 120 <= shared.high


def test_what_twins_find_in_each_other_is_no_part_of_the_shared_fraction(world):
    """The twins show the words cleanly, so they match each other better than anything matches in noisy models."""
    words, own = world.concepts(6), world.concepts(120)
    other = np.hstack([own[:, :36], world.concepts(84)])  # 30 % are shared
    clean = [world.dictionary(*[words] * 12) for _ in range(2)]

    def noisy(strength):
        strength = strength * (world.rng.random(strength.shape) < 0.8) * world.rng.lognormal(0, 0.5, strength.shape)
        strays = (world.rng.random(strength.shape) < 0.02) * world.rng.lognormal(0, 1, strength.shape)
        return world.dictionary(np.hstack([strength + strays, words]))

    left, right, left_again, right_again = (noisy(strength) for strength in (own, other, own, other))
    found = compare(
        left, right, world.article, QUICK,
        left_repeat=left_again, right_repeat=right_again, left_floor=clean[0], right_floor=clean[1],
    )  # fmt: skip
    assert found.floor.a_to_b.value > 0.5  # the twins alone
    assert found.shared_fraction.a_to_b.value == pytest.approx(0.3, abs=0.1)
    assert found.shared_fraction.a_to_b.low <= 0.3 <= found.shared_fraction.a_to_b.high
    assert found.shared_over_twins.a_to_b.value >= found.shared_fraction.a_to_b.value - 0.01


def test_articles_exchanged_within_topics_leave_only_what_follows_topics(world):
    specific, topical = world.concepts(60), world.topics_only(12)
    left, right = (np.hstack([specific, part]) for part in (topical, world.topics_only(12)))
    exchanged = np.arange(world.topic.size)
    for topic in range(TOPICS):
        members = np.flatnonzero(world.topic == topic)
        exchanged[members] = world.rng.permutation(members)
    rows = (exchanged[:, None] * 2 + np.arange(2)).ravel()  # two passages an article
    plain = sparse.csr_array(left.astype(np.float32))
    for order, survive in ((np.arange(rows.size), 60), (rows, 0)):
        found = compare(plain, sparse.csr_array(right[order].astype(np.float32)), world.article, QUICK)
        r = np.array(found.matches["r"].to_pylist()[:72])
        assert (r[:60] > 0.65).sum() == survive
        assert (r[60:] > 0.65).all()  # a topic's passages show a topic's feature, whichever of them
        assert found.matches["q_value"].to_numpy()[60:72].max() <= 0.05
