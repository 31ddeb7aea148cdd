"""Small stand-ins for a harvest."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from samedream import artifacts
from samedream.activations.shards import norm_key, shard_name, write_shard


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


def _stored(directory, vectors, *, shards=2):
    """Vectors as a finished harvest on disk: 50 passages of 25 articles."""
    fake = FakeStore(vectors)
    directory.mkdir(parents=True)
    pq.write_table(
        pa.table({"passage_id": fake.passage_ids, "article_id": fake.article_ids}), directory / "passages.parquet"
    )
    paths = [directory / "passages.parquet"]
    for number, rows in enumerate(torch.arange(len(vectors)).chunk(shards)):
        tensors = {
            "block-3": vectors[rows].bfloat16(),
            norm_key("block-3"): vectors[rows].norm(dim=1),
            "passage": torch.from_numpy(fake.row_passages())[rows],
            "start": torch.zeros(len(rows), dtype=torch.int32),
            "end": torch.ones(len(rows), dtype=torch.int32),
        }
        paths.append(directory / shard_name(number))
        write_shard(paths[-1], tensors, signature="x", counts={})
    layer = {"name": "block-3", "d_model": vectors.shape[1], "rows": len(vectors), "sink_rows": 0}
    counts = {"layers": [{**layer, "median_norm": 1.0, "sink_threshold": 1e9}]}
    artifacts.finish(directory, "activations", {}, inputs={}, counts=counts, files=paths)
    return directory


@pytest.fixture
def stored():
    return _stored
