"""Pairs of activity matrices with a known shared fraction, made without looking at how it is estimated.

Articles have a topic and one to four passages. A concept belongs to a few topics, turns up in some of their articles
and comes back within the article. A model's feature sees one concept through its own gain, its own bend, multiplicative
noise, misses and false alarms, all of them different for every feature. A fifth of the concepts that a dictionary could
have found it missed (another took the place), in repeats and in the other model alike. The random twin has features of
its own that follow topics but no concept of the models'.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

TOPICS = 12


@dataclass(frozen=True)
class Planted:
    left: sparse.csr_array
    right: sparse.csr_array
    blocks: np.ndarray
    left_repeat: sparse.csr_array
    right_repeat: sparse.csr_array
    left_floor: sparse.csr_array
    right_floor: sparse.csr_array
    shared: tuple[float, float]  # truth: of left's features in right, and back

    def inputs(self):
        return {
            "left_repeat": self.left_repeat,
            "right_repeat": self.right_repeat,
            "left_floor": self.left_floor,
            "right_floor": self.right_floor,
        }


class World:
    def __init__(self, rng, articles):
        self.rng = rng
        sizes = rng.choice([1, 2, 3, 4], size=articles, p=[0.4, 0.3, 0.2, 0.1])
        self.article = np.repeat(np.arange(articles), sizes)
        popularity = 1 / np.arange(1, TOPICS + 1) ** 0.7
        main, side = rng.choice(TOPICS, size=(2, articles), p=popularity / popularity.sum())
        self.topics = np.zeros((articles, TOPICS))
        self.topics[np.arange(articles), main] = 0.8
        self.topics[np.arange(articles), side] += 0.2

    def concepts(self, count):
        """Strength of each concept in each passage, [passages, concepts]."""
        rng, n = self.rng, self.article.size
        taste = rng.dirichlet(np.full(TOPICS, 0.25), size=count)
        rate = np.clip(np.exp(rng.normal(np.log(0.08), 0.7, size=count)), 0.012, 0.5)
        chance = self.topics @ taste.T * TOPICS * 0.5
        chance = np.clip(rate * (0.1 + 0.9 * chance / chance.mean(axis=0)), 0, 0.95)
        in_article = rng.random(chance.shape) < chance
        present = in_article[self.article] & (rng.random((n, count)) < 0.7)
        return present * rng.lognormal(0, 0.6, size=(n, count))

    def render(self, strength):
        """What a dictionary's features show of concepts, [passages, features], sparse."""
        rng, (n, count) = self.rng, strength.shape
        gain = rng.lognormal(0, 1.5, size=count)
        bend = rng.uniform(0.6, 1.4, size=count)
        miss = rng.beta(2, 6, size=count)
        alarm = rng.beta(1, 40, size=count)
        noise = rng.lognormal(0, rng.uniform(0.1, 0.6, size=count), size=(n, count))
        seen = strength**bend * noise * (rng.random((n, count)) > miss)
        false = (rng.random((n, count)) < alarm) * rng.exponential(0.7, size=(n, count))
        return sparse.csr_array((gain * np.maximum(seen, false)).astype(np.float32))

    def dictionary(self, pool, missed=0.2):
        """A dictionary that found most of a model's concepts and, in place of the rest, some of its own."""
        lost = self.rng.permutation(pool.shape[1])[: round(missed * pool.shape[1])]
        found = pool.copy()
        found[:, lost] = self.concepts(lost.size)
        return self.render(found[:, self.rng.permutation(pool.shape[1])])


def planted(shared, *, seed, articles=600, left=200, right=300):
    """`shared`: the share of left's concepts that right has too."""
    rng = np.random.default_rng(seed)
    world = World(rng, articles)
    common = round(shared * left)
    a = world.concepts(left)
    b = np.concatenate([a[:, :common], world.concepts(right - common)], axis=1)
    twin_a, twin_b = world.concepts(left), world.concepts(right)
    return Planted(
        left=world.dictionary(a),
        right=world.dictionary(b),
        blocks=world.article,
        left_repeat=world.dictionary(a),
        right_repeat=world.dictionary(b),
        left_floor=world.render(twin_a),
        right_floor=world.render(twin_b),
        shared=(common / left, common / right),
    )
