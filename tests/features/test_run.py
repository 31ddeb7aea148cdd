"""The stage on a real activation store and a real dictionary, both tiny."""

import errno

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from samedream import artifacts
from samedream.activations.shards import norm_key, shard_name, write_shard
from samedream.errors import (
    CorruptArtifactError,
    DiskFullError,
    MissingArtifactError,
    StaleArtifactError,
)
from samedream.features import run, spill
from samedream.features.config import FeaturesConfig
from samedream.features.store import FILES, load_activity, load_exemplars, load_features, load_peaks, load_states
from samedream.sae.autoencoder import SparseAutoencoder

LAYER = "block-3"


def write_activations(directory, store, cuts=()):
    directory.mkdir(parents=True)
    pq.write_table(
        pa.table({"passage_id": store.passage_ids, "article_id": store.article_ids}), directory / "passages.parquet"
    )
    paths = [directory / "passages.parquet"]
    for i, shard in enumerate(store.shards(cuts=cuts)):
        path = directory / shard_name(i)
        tensors = {
            LAYER: shard.vectors.to(torch.bfloat16),  # whole numbers up to 4: exact
            norm_key(LAYER): shard.vectors.norm(dim=1),
            "passage": torch.from_numpy(shard.passage),
            "start": torch.from_numpy(shard.start),
            "end": torch.from_numpy(shard.end),
        }
        write_shard(path, tensors, signature="x", counts={})
        paths.append(path)
    layer = {
        "name": LAYER,
        "d_model": store.d_model,
        "rows": store.rows(),
        "median_norm": 5.0,
        "sink_threshold": 1e9,
        "sink_rows": 0,
    }
    artifacts.finish(directory, "activations", {}, inputs={}, counts={"layers": [layer]}, files=paths)
    return directory


def write_sae(directory, store, layer=LAYER):
    W, b = store.dictionary.W_enc, store.dictionary.b_enc
    weights = {
        "W_enc": W,
        "b_enc": b,
        "W_dec": W.T.contiguous(),
        "b_dec": torch.zeros(W.shape[0]),
        "threshold": torch.zeros(W.shape[1]),
    }
    files = SparseAutoencoder("jumprelu", weights).save(directory)
    artifacts.finish(directory, "sae", {"layer": layer}, inputs={}, counts={}, files=files)
    return directory


@pytest.fixture
def study(make_store, tmp_path):
    store = make_store(passages=60, articles=40)
    return {
        "activations": write_activations(tmp_path / "activations", store, cuts=[40, 100]),
        "sae": write_sae(tmp_path / "sae", store),
    }, store


def test_the_stage(study, tmp_path):
    inputs, store = study
    out = tmp_path / "features"
    run.run(out, FeaturesConfig(), **inputs)
    assert sorted(p.name for p in out.iterdir()) == sorted([*FILES, "manifest.json"])
    acts = store.activations()
    activity = load_activity(out).toarray()
    for p in range(60):
        mine = acts[store.passage == p]
        assert activity[p].tolist() == (mine.max(axis=0) if len(mine) else np.zeros(16)).tolist()
    states, vectors = load_states(out), store.vectors_all.numpy()
    assert states.shape == (60, 6)
    for p in range(60):
        mine = vectors[store.passage == p]
        assert np.isnan(states[p]).all() if not len(mine) else np.allclose(states[p], mine.mean(axis=0))
    start, end = load_peaks(out)
    assert len(start) == len(end) == load_activity(out).nnz
    assert load_features(out)["dead"].to_pylist() == (acts.max(axis=0) == 0).tolist()
    assert set(load_exemplars(out)["stratum"].to_pylist()) == {"top", "middle", "weak", "near miss"}
    counts = artifacts.require_manifest(out).counts
    assert counts["passages"] == 60 and counts["features"] == 16 and counts["tokens"] == store.rows()
    assert counts["passages_without_tokens"] == 60 - len(set(store.passage.tolist()))
    assert counts["dead"] == int((acts.max(axis=0) == 0).sum())
    assert counts["features_per_token"] == pytest.approx((acts > 0).sum() / len(acts))


def test_same_bytes_whatever_the_shards_and_again(study, tmp_path, make_store):
    inputs, store = study
    other = inputs | {"activations": write_activations(tmp_path / "other", store, cuts=list(range(5, 150, 7)))}
    run.run(tmp_path / "a", FeaturesConfig(), **inputs)
    run.run(tmp_path / "b", FeaturesConfig(), **other)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_done_is_done(study, tmp_path):
    inputs, _ = study
    out = tmp_path / "features"
    run.run(out, FeaturesConfig(), **inputs)
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    run.run(out, FeaturesConfig(), **inputs)
    assert before == {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    with pytest.raises(StaleArtifactError, match="the setting top = 10, now it is 4"):
        run.run(out, FeaturesConfig(top=4), **inputs)


def test_killed_and_run_again(study, tmp_path, monkeypatch):
    inputs, _ = study
    run.run(tmp_path / "whole", FeaturesConfig(), **inputs)
    out = tmp_path / "features"
    out.mkdir()
    (out / ".activity.npz.1.tmp").write_bytes(b"half")  # a killed process cleans nothing up
    monkeypatch.setattr(spill.Spill, "close", lambda self: [f.close() for f in self._files.values()])

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "feature_table", killed)
    with pytest.raises(KeyboardInterrupt):
        run.run(out, FeaturesConfig(), **inputs)
    assert any(p.name.endswith(".spill.tmp") for p in out.iterdir())
    monkeypatch.undo()
    run.run(out, FeaturesConfig(), **inputs)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()
    }


def test_full_disk(study, tmp_path, monkeypatch):
    inputs, _ = study

    def full(self, name, values):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spill.Spill, "_write", full)
    with pytest.raises(DiskFullError, match="no room to write .*Nothing is lost"):
        run.run(tmp_path / "features", FeaturesConfig(), **inputs)
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["started.json"]


def test_a_dictionary_of_another_model(study, tmp_path, make_store):
    inputs, _ = study
    wide = write_sae(tmp_path / "wide", make_store(d=8))
    with pytest.raises(StaleArtifactError) as error:
        run.run(tmp_path / "features", FeaturesConfig(), activations=inputs["activations"], sae=wide)
    assert str(error.value) == (
        f"{wide} reads vectors of width 8, but {inputs['activations']} holds vectors of width 6: they are not of the "
        f'same model. Delete {wide} and rerun "samedream sae DIR"'
    )
    assert not (tmp_path / "features").exists()


def test_missing_inputs(study, tmp_path):
    inputs, _ = study
    for name in inputs:
        with pytest.raises(MissingArtifactError, match="nowhere is not finished"):
            run.run(tmp_path / "features", FeaturesConfig(), **(inputs | {name: tmp_path / "nowhere"}))


def test_a_store_without_vectors(study, tmp_path, make_store):
    inputs, _ = study
    store = make_store(passages=5)
    store.passage, store.start, store.end = store.passage[:0], store.start[:0], store.end[:0]
    store.vectors_all = store.vectors_all[:0]
    empty = write_activations(tmp_path / "empty", store)
    with pytest.raises(CorruptArtifactError, match='empty holds no vectors; delete it and rerun "samedream'):
        run.run(tmp_path / "features", FeaturesConfig(), activations=empty, sae=inputs["sae"])


def test_a_damaged_shard(study, tmp_path):
    inputs, _ = study
    path = inputs["activations"] / shard_name(1)
    data = bytearray(path.read_bytes())
    data[-3] ^= 255
    path.write_bytes(data)
    with pytest.raises(CorruptArtifactError):
        run.run(tmp_path / "features", FeaturesConfig(), **inputs)
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["started.json"]
