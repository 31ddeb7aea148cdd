"""The stage on disk."""

import json
import signal
import subprocess
import sys

import pytest
import torch

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError, StaleArtifactError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.course import Course
from samedream.sae.run import hook_name, run
from samedream.sae.store import load_health

CONFIG = SAEConfig(k=4, batch_rows=128, steps=20)
FILES = ["cfg.json", "health.json", "manifest.json", "sae_weights.safetensors"]


DICTIONARY = ["cfg.json", "sae_weights.safetensors"]


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def everything(directory):
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


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


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from samedream.sae import checkpoint
from samedream.sae.config import SAEConfig
from samedream.sae.course import Course
from samedream.sae.run import run

torch.set_num_threads(1)  # as here: other sums would be rounded otherwise
checkpoint.SECONDS = -1.0  # after every step
learn = Course.learn

def dying(self, rows):
    if self.trainer.steps_done == 11:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, rows)

Course.learn = dying
out, activations = Path(sys.argv[1]), Path(sys.argv[2])
run(out, SAEConfig.model_validate_json(sys.argv[3]), activations=activations, source="wheel:tiny")
"""


def test_kill_9_in_the_middle_of_training(plant, stored, tmp_path, monkeypatch):
    config = CONFIG.model_copy(update={"moments": (0.25, 1.0)})
    activations = stored(tmp_path / "activations", plant(1000)[0])
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(whole, config, activations=activations, source="wheel:tiny")
    arguments = [str(cut), str(activations), config.model_dump_json()]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in cut.iterdir()) == ["checkpoint.safetensors", "moments", "started.json"]
    with pytest.raises(StaleArtifactError) as error:
        run(cut, config.model_copy(update={"seed": 1}), activations=activations, source="wheel:tiny")
    assert str(error.value) == (
        f"{cut} was made with the setting seed = 4738, now it is 1. Nothing is reused silently: delete {cut} (and the "
        f"stages after it) to make it again, or give another --out"
    )
    taken, learn = [], Course.learn
    monkeypatch.setattr(Course, "learn", lambda self, rows: taken.append(self.trainer.steps_done) or learn(self, rows))
    run(cut, config, activations=activations, source="wheel:tiny")
    assert taken == list(range(11, 20))  # not one step twice
    assert everything(cut) == everything(whole)
    moments = [f"moments/step-0000{step}/{name}" for step in ("05", "20") for name in FILES if name in DICTIONARY]
    assert sorted(everything(cut)) == sorted([*FILES, *moments])
    assert sorted(artifacts.require_manifest(cut).files) == sorted([*DICTIONARY, "health.json", *moments])


def test_a_run_that_was_killed_after_training_trains_no_more(harvest, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"

    def measured(record, sae, store, **given):
        return {**record, "metrics": [*record["metrics"], {"key": "ce_clean"}], "downstream": {"passages": 3}}

    def killed(*given, **named):
        raise MemoryError

    monkeypatch.setattr("samedream.sae.run.with_downstream", measured)
    run(whole, CONFIG, activations=harvest, source="wheel:tiny")
    for place in ("with_downstream", "artifacts.finish"):  # while the model runs, and after that
        with monkeypatch.context() as patch, pytest.raises(MemoryError):
            patch.setattr(f"samedream.sae.run.{place}", killed)
            run(cut, CONFIG, activations=harvest, source="wheel:tiny")
        monkeypatch.setattr("samedream.sae.run.train_sae", lambda *given, **named: pytest.fail("trained again"))
    run(cut, CONFIG, activations=harvest, source="wheel:tiny")
    assert contents(cut) == contents(whole)


def test_what_lies_there_without_a_word_of_its_settings_is_not_used(harvest, tmp_path):
    run(tmp_path / "whole", CONFIG, activations=harvest, source="wheel:tiny")
    other = tmp_path / "other"
    run(other, CONFIG.model_copy(update={"seed": 1}), activations=harvest, source="wheel:tiny")
    (other / "manifest.json").unlink()
    run(other, CONFIG, activations=harvest, source="wheel:tiny")
    assert contents(other) == contents(tmp_path / "whole")


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
