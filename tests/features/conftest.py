"""A small dictionary and a small store with the interfaces of the real ones."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch


@dataclass
class Shard:
    vectors: torch.Tensor
    passage: np.ndarray
    start: np.ndarray
    end: np.ndarray


class ReluDictionary:
    """f = relu(x W + b)."""

    def __init__(self, W, b):
        self.W_enc, self.b_enc = W, b
        self.d_in, self.d_sae = W.shape

    def pre_activations(self, x):
        return x @ self.W_enc + self.b_enc

    def activate(self, pre):
        return torch.relu(pre)


class Store:
    """Whole-number vectors: matrix products are exact, so every reference is exact too."""

    def __init__(self, passages=40, articles=12, features=16, seed=0, tokens=9, d=6):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(0, tokens, passages)
        lengths[3] = 0  # a passage without any kept token
        self.passage_ids = [f"p{i:03d}" for i in range(passages)]
        self.article_ids = [f"en:{a}" for a in rng.integers(0, articles, passages)]
        self.passage = np.repeat(np.arange(passages), lengths)
        n = len(self.passage)
        within = np.concatenate([np.arange(k) for k in lengths]) if n else np.zeros(0, int)
        self.start = (within * 5).astype(np.int32)
        self.end = (within * 5 + 4).astype(np.int32)
        self.vectors_all = torch.from_numpy(rng.integers(-4, 5, (n, d)).astype(np.float32))
        W = torch.from_numpy(rng.integers(-2, 3, (d, features)).astype(np.float32))
        b = torch.from_numpy(rng.integers(-9, 1, features).astype(np.float32))
        W[:, 5], b[5] = 0, -1  # feature 5 is dead
        self.dictionary = ReluDictionary(W, b)
        self.d_model, self.layers = d, ["block"]

    def rows(self, layer=None):
        return len(self.passage)

    def shards(self, layer=None, cuts=()):
        edges = [0, *sorted(cuts), len(self.passage)]
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            yield Shard(self.vectors_all[a:b], self.passage[a:b], self.start[a:b], self.end[a:b])

    def activations(self):
        return torch.relu(self.dictionary.pre_activations(self.vectors_all)).numpy()


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def make_store():
    return Store


@pytest.fixture
def make_shard():
    return Shard
