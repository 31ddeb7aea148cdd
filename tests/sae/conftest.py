"""Small stand-ins for a harvest."""

from pathlib import Path

import numpy as np
import pytest
import torch

from samedream import artifacts


class FakeStore:
    """What training needs of a harvest: 50 passages of 25 articles, `rows` vectors in passages' order."""

    def __init__(self, vectors):
        self._vectors = vectors
        self.layers = ["block-3"]
        self.passage_ids = [f"p{n}" for n in range(50)]
        self.article_ids = [f"en:{n // 2}" for n in range(50)]

    def stored(self, layer=None):
        return self._vectors

    def row_passages(self, layer=None):
        return np.arange(len(self._vectors)) * 50 // len(self._vectors)


def planted(rows, *, seed=0, d=32, features=64, active=3):
    """Sparse sums of known unit directions, far from centred and not at unit scale: (vectors, directions)."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(
        torch.randn(features, d, generator=torch.Generator().manual_seed(1)), dim=1
    )
    strengths = torch.rand(rows, features, generator=generator) + 0.5
    chosen = torch.rand(rows, features, generator=generator).argsort(1) < active
    mean = torch.linspace(-3, 5, d)
    return 7 * (torch.where(chosen, strengths, 0.0) @ directions) + mean, directions


@pytest.fixture
def plant():
    return planted


@pytest.fixture
def fake_store():
    return FakeStore


@pytest.fixture
def harvest(tmp_path, monkeypatch):
    """A finished activations directory whose store holds planted vectors."""
    directory = tmp_path / "activations" / "tiny"
    directory.mkdir(parents=True)
    (directory / "shard").write_bytes(b"x")
    artifacts.finish(directory, "activations", {}, inputs={}, counts={}, files=[directory / "shard"])
    store = FakeStore(planted(1000)[0])

    class Opened:
        @staticmethod
        def open(path: Path):
            assert path == directory
            return store

    monkeypatch.setattr("samedream.sae.run.ActivationStore", Opened)
    return directory
