"""The stage on disk."""

import json

import pytest
import torch

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError, StaleArtifactError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.run import hook_name, run
from samedream.sae.store import load_health

CONFIG = SAEConfig(k=4, batch_rows=128, steps=20)
FILES = ["cfg.json", "health.json", "manifest.json", "sae_weights.safetensors"]


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_stage_leaves_a_dictionary_and_its_health(harvest, tmp_path):
    out = tmp_path / "sae" / "tiny" / "seed-4738"
    run(out, CONFIG, activations=harvest, source="wheel:tiny")
    assert sorted(contents(out)) == FILES
    manifest = artifacts.require_manifest(out)
    assert manifest.stage == "sae"
    assert manifest.config == {**CONFIG.model_dump(mode="json"), "source": "wheel:tiny"}
    assert manifest.inputs == {"activations": artifacts.require_manifest(harvest).fingerprint()}
    counts = manifest.counts
    assert counts["rows"] + counts["held_out_rows"] == 1000
    assert {key: counts[key] for key in ("d_in", "features", "steps", "batch_rows")} == {
        "d_in": 32,
        "features": 128,
        "steps": 20,
        "batch_rows": 128,
    }
    sae = SparseAutoencoder.load(out)
    assert sae.metadata["model_name"] == "wheel:tiny"
    assert sae.metadata["hook_name"] == "blocks.3.hook_resid_post"
    assert sae.metadata["training_architecture"] == "batchtopk"
    assert sae.encode(torch.zeros(2, 32)).shape == (2, 128)
    health = json.loads((out / "health.json").read_text())
    assert health["rows"] == counts["held_out_rows"]
    assert [metric["key"] for metric in health["metrics"]] == [
        "variance_explained",
        "cosine",
        "l0",
        "l0_median",
        "l0_p95",
        "dead_share",
        "density",
        "gini",
        "decoder_cosine_mean",
        "decoder_cosine_p95",
        "decoder_cosine_max",
    ]
    assert set(health["metrics"][0]) == {"key", "name", "value", "low", "high", "healthy", "advice", "meaning"}
    assert health["training"]["history"][-1]["step"] == 20
    assert load_health(out).metrics[2].value == pytest.approx(4.0)


def test_a_second_run_reuses_and_another_directory_gets_the_same_bytes(harvest, tmp_path, monkeypatch):
    one, two = tmp_path / "one", tmp_path / "two"
    run(one, CONFIG, activations=harvest, source="wheel:tiny")
    run(two, CONFIG, activations=harvest, source="wheel:tiny")
    assert contents(one) == contents(two)
    monkeypatch.setattr("samedream.sae.run.train_sae", lambda *given: pytest.fail("trained again"))
    run(one, CONFIG, activations=harvest, source="wheel:tiny")


def test_a_run_that_was_killed_ends_with_the_same_bytes(harvest, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(whole, CONFIG, activations=harvest, source="wheel:tiny")

    def interrupt(*given, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("samedream.sae.run.artifacts.finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(cut, CONFIG, activations=harvest, source="wheel:tiny")
    assert artifacts.read_manifest(cut) is None
    run(cut, CONFIG, activations=harvest, source="wheel:tiny")
    assert contents(whole) == contents(cut)


def test_other_settings_are_never_reused(harvest, tmp_path):
    run(tmp_path / "out", CONFIG, activations=harvest, source="wheel:tiny")
    with pytest.raises(StaleArtifactError, match="was made with the setting k = 4, now it is 5"):
        run(tmp_path / "out", CONFIG.model_copy(update={"k": 5}), activations=harvest, source="wheel:tiny")
    with pytest.raises(StaleArtifactError, match="the setting source = 'wheel:tiny', now it is 'random:wheel:tiny'"):
        run(tmp_path / "out", CONFIG, activations=harvest, source="random:wheel:tiny")


def test_no_harvest(tmp_path):
    with pytest.raises(MissingArtifactError, match="is not finished: it has no manifest.json"):
        run(tmp_path / "out", CONFIG, activations=tmp_path / "nothing", source="wheel:tiny")


def test_health_that_is_missing_or_broken(tmp_path):
    with pytest.raises(MissingArtifactError) as error:
        load_health(tmp_path)
    assert str(error.value) == f"{tmp_path} has no health.json: expected what the sae stage writes; rerun it"
    (tmp_path / "health.json").write_text('{"rows": "many"}')
    with pytest.raises(CorruptArtifactError, match=r"health.json cannot be read \(.*\); delete .* and rerun"):
        load_health(tmp_path)


def test_hook_names_are_transformer_lens_names():
    assert hook_name("block-29") == "blocks.29.hook_resid_post"
    assert hook_name("block-29.final-norm") == "block-29.final-norm"
