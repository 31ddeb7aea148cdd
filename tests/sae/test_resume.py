"""Killed and resumed, many on one pass, moments, early stopping."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from samedream.errors import CorruptArtifactError, StaleArtifactError, TrainingError
from samedream.sae import checkpoint
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.course import Course
from samedream.sae.training import train_many, train_sae

QUICK = {"batch_rows": 128, "steps": 30, "k": 4, "width": 96}
VARIANTS = ["batchtopk", "topk", "l1_topk", "matryoshka", "jumprelu", "l1", "frozen"]


class KilledError(Exception):
    pass


@pytest.fixture
def killed_after(monkeypatch):
    """Write a checkpoint after every step, and die after some."""
    monkeypatch.setattr(checkpoint, "SECONDS", -1.0)
    learn = Course.learn

    def arm(steps):
        def dying(self, rows):
            if self.trainer.steps_done >= steps:
                raise KilledError
            return learn(self, rows)

        monkeypatch.setattr(Course, "learn", dying)

    yield arm
    monkeypatch.undo()


def tensors(sae):
    found = [sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec]
    return found if sae.threshold is None else [*found, sae.threshold]


@pytest.mark.parametrize("settings", [*({"variant": name} for name in VARIANTS), {"patience": 3}], ids=str)
def test_a_killed_run_ends_with_the_same_bits(settings, plant, tmp_path, killed_after, monkeypatch):
    vectors, config = plant(1000)[0], SAEConfig(**settings, **QUICK)
    whole, whole_report = train_sae(vectors, config)
    killed_after(11)
    with pytest.raises(KilledError):
        train_sae(vectors, config, workspace=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    monkeypatch.undo()
    resumed, report = train_sae(vectors, config, workspace=tmp_path)
    assert all(torch.equal(one, two) for one, two in zip(tensors(whole), tensors(resumed), strict=True))
    assert report.record() == whole_report.record()
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_checkpoint_of_other_settings_is_refused(plant, tmp_path, killed_after, monkeypatch):
    vectors = plant(1000)[0]
    killed_after(3)
    with pytest.raises(KilledError):
        train_sae(vectors, SAEConfig(**QUICK), workspace=tmp_path)
    monkeypatch.undo()
    with pytest.raises(StaleArtifactError) as error:
        train_sae(vectors, SAEConfig(**QUICK, seed=1), workspace=tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'checkpoint.safetensors'} is of a training run with other settings or other hidden states. "
        f"Nothing is reused silently: delete it to train anew, or go back to the settings it was begun with"
    )


def test_a_broken_checkpoint(plant, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(CorruptArtifactError, match=r"cannot be read .*; delete it and rerun: training starts from its"):
        train_sae(plant(1000)[0], SAEConfig(**QUICK), workspace=tmp_path)


@pytest.mark.parametrize("lost", ["last_fired", "engine.encoder", "weights.0", "moments"])
def test_a_checkpoint_that_lacks_something(lost, plant, tmp_path, killed_after, monkeypatch):
    vectors, path = plant(1000)[0], tmp_path / "checkpoint.safetensors"
    killed_after(3)
    with pytest.raises(KilledError):
        train_sae(vectors, SAEConfig(**QUICK), workspace=tmp_path)
    monkeypatch.undo()
    with safe_open(path, framework="pt") as file:
        state, metadata = {name: file.get_tensor(name) for name in file.keys() if name != lost}, file.metadata()
    save_file(state, path, metadata=metadata | ({"history": "{}"} if lost == "moments" else {}))
    with pytest.raises(CorruptArtifactError) as error:
        train_sae(vectors, SAEConfig(**QUICK), workspace=tmp_path)
    place = lost.removeprefix("engine.")
    assert str(error.value) == (
        f"{path} does not hold what this training run goes on from ({place!r}): it is damaged, or was written where "
        f"another path of training ran (samedream without numba, say); delete it and rerun: training starts from its "
        f"first step"
    )


def test_many_on_one_pass_are_what_each_is_alone(plant):
    vectors = plant(1000)[0]
    configs = [
        SAEConfig(**QUICK),
        SAEConfig(**{**QUICK, "k": 8, "steps": 20}),
        SAEConfig(**{**QUICK, "width": 128, "variant": "l1_topk"}),
    ]
    together = train_many(vectors, configs)
    for config, (sae, report) in zip(configs, together, strict=True):
        alone, alone_report = train_sae(vectors, config)
        assert torch.equal(sae.W_dec, alone.W_dec)
        assert report.record() == alone_report.record()


def test_many_of_several_layers(plant, fake_store, tmp_path):
    layers = {"block-1": plant(1000)[0], "block-2": plant(1000, seed=5)[0]}

    class Layered(fake_store):
        def stored(self, layer=None):
            return layers[layer]

    store = Layered(layers["block-1"])
    configs = [SAEConfig(**QUICK, layer=layer, seed=seed) for seed in (0, 1) for layer in ("block-2", "block-1")]
    together = train_many(store, configs, workspaces=[tmp_path / str(number) for number in range(4)])
    assert [report.config for _, report in together] == configs
    for config, (sae, report) in list(zip(configs, together, strict=True))[:2]:  # seed 0 gives each layer's order
        alone, alone_report = train_sae(store, config)
        assert torch.equal(sae.W_dec, alone.W_dec)
        assert report.record() == alone_report.record()


def test_what_dictionaries_of_one_pass_share(plant):
    with pytest.raises(TrainingError) as error:
        train_many(plant(1000)[0], [SAEConfig(**QUICK), SAEConfig(**{**QUICK, "batch_rows": 64})])
    assert str(error.value) == ("dictionaries trained on one pass share batch_rows: found 128 and 64. Train them apart")


def test_moments_are_kept(plant, tmp_path):
    vectors = plant(1000)[0]
    sae, _ = train_sae(vectors, SAEConfig(**QUICK, moments=(0.1, 1.0)), workspace=tmp_path)
    early, late = (SparseAutoencoder.load(tmp_path / "moments" / f"step-0000{step}") for step in ("03", "30"))
    assert torch.equal(late.W_dec, sae.W_dec)
    assert not torch.equal(early.W_dec, sae.W_dec)
    assert early.metadata["step"] == 3


def test_early_stopping_takes_the_best_and_measures_on_other_rows(plant):
    vectors = torch.randn(400, 16, generator=torch.Generator().manual_seed(0))  # noise: more epochs can only hurt
    settings = {"batch_rows": 64, "steps": 2000, "k": 4, "width": 96, "learning_rate": 0.02}
    _, whole = train_sae(vectors, SAEConfig(**settings))
    _, report = train_sae(vectors, SAEConfig(**settings, patience=2))
    assert report.stopped_at < 2000
    assert report.history[-1].step < 2000
    assert report.held_out_rows == 20  # of 40: the others decided
    assert report["variance_explained"] > whole["variance_explained"]
