"""A sweep over k and the L1 weight: its points, its frontier, its directory."""

import json

import pytest
import torch

from samedream import artifacts
from samedream.errors import CorruptArtifactError, StaleArtifactError, TrainingError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.course import Course
from samedream.sae.frontier import Point, point_of, read_point, with_frontier
from samedream.sae.sweep import combinations, sweep
from samedream.sae.training import train_sae

CONFIG = SAEConfig(batch_rows=128, steps=20, width=64)


def figures(l0, explained, **given):
    return Point(
        **{"variant": "topk", "k": 8, "l1_strength": 0.0, "dead_share": 0.0, "gini": 0.0, "density": 0.0, **given},
        l0=l0,
        variance_explained=explained,
        decoder_cosine_max=0.0,
    )


def test_frontier_by_hand():
    points = [
        figures(16.0, 0.80, k=16),  # fewest features: on it
        figures(32.0, 0.80, k=32),  # as good as the first with twice the features
        figures(64.0, 0.95, k=64),  # explains most
        figures(33.0, 0.90, k=33),  # between: nothing with L0 up to 33 explains more
        figures(40.0, 0.89, k=40),  # worse than the one before, and more features
        figures(64.0, 0.94, k=65),  # the same L0 as the third, explains less
    ]
    assert [(point.k, point.frontier) for point in with_frontier(points)] == [
        (16, True),
        (32, False),
        (33, True),
        (40, False),
        (64, True),
        (65, False),
    ]
    twins = with_frontier([figures(8.0, 0.5), figures(8.0, 0.5)])
    assert [point.frontier for point in twins] == [True, True]


def test_names_say_which_knobs_act():
    assert point_of(SAEConfig()).name == "batchtopk-k32"
    assert point_of(SAEConfig(variant="l1_topk", k=8, l1_strength=1e-5)).name == "l1_topk-k8-l1_1e-05"
    assert point_of(SAEConfig(variant="l1")).name == "l1-l1_0.007"


def test_combinations():
    def knobs(*given):
        return [(config.variant, config.k, config.penalty()) for config in combinations(*given)]

    assert knobs(CONFIG, [8, 4, 8], []) == [("batchtopk", 4, 0.0), ("batchtopk", 8, 0.0)]
    assert knobs(CONFIG, [4], [0.1, 0.0]) == [("l1_topk", 4, 0.0), ("l1_topk", 4, 0.1)]
    assert knobs(SAEConfig(variant="l1"), [32], [0.1]) == [("l1", 32, 0.1)]
    assert knobs(SAEConfig(preset="original"), [8], []) == [("l1_topk", 8, 1e-3)]
    kept = combinations(SAEConfig(preset="original", steps=7), [8], [])[0]
    assert (kept.steps, kept.epochs, kept.batch_rows) == (7, None, 512)


def test_a_penalty_that_a_variant_does_not_have(capsys):
    combinations(CONFIG, [4], [0.1])
    assert capsys.readouterr().err.endswith(
        'variant "batchtopk" has no L1 penalty: the sweep over l1_strength trains "l1_topk"\n'
    )
    with pytest.raises(TrainingError) as error:
        combinations(SAEConfig(variant="matryoshka"), [4], [0.1])
    assert str(error.value) == (
        'this sweep cannot be made: l1_strength acts on variants "l1_topk" and "l1" only, the variant is "matryoshka": '
        'leave it out, or set variant = "l1_topk"'
    )


def test_a_knob_that_is_not_given_keeps_its_value():
    assert [(one.k, one.l1_strength) for one in combinations(SAEConfig(variant="l1", k=9), (), (0.1, 0.2))] == [
        (9, 0.1),
        (9, 0.2),
    ]


def test_knobs_that_do_not_fit():
    with pytest.raises(TrainingError) as error:
        combinations(SAEConfig(variant="l1"), [4, 8], [0.1])
    assert str(error.value) == (
        "a sweep over k (4, 8) with variant l1, in which the L1 penalty alone decides how many features are active: "
        'sweep over l1_strength and give no k, or set variant = "l1_topk"'
    )
    with pytest.raises(TrainingError) as error:
        combinations(CONFIG, [0], [])
    assert str(error.value) == "this sweep cannot be made: k = 0: Input should be greater than or equal to 1"


def test_points_are_what_each_dictionary_is_alone(plant):
    vectors = plant(1000)[0]
    points = sweep(vectors, CONFIG, k=(2, 6), l1_strength=(0.0, 0.05))
    assert [(point.l1_strength, point.k) for point in points] == [(0.0, 2), (0.0, 6), (0.05, 2), (0.05, 6)]
    for found in points:
        config = {"variant": "l1_topk", "k": found.k, "l1_strength": found.l1_strength}
        _, alone = train_sae(vectors, CONFIG.model_copy(update=config))
        keys = ("l0", "variance_explained", "dead_share", "gini", "density", "decoder_cosine_max")
        assert [getattr(found, key) for key in keys] == [alone[key] for key in keys]
    assert [point.frontier for point in points[:2]] == [True, True]  # the penalty only costs
    assert points[3].variance_explained < points[1].variance_explained


def test_a_directory_of_dictionaries(plant, tmp_path, monkeypatch):
    vectors = plant(1000)[0]
    points = sweep(vectors, CONFIG, k=(2, 6), workspace=tmp_path, name="tiny")
    assert points == sweep(vectors, CONFIG, k=(2, 6))
    names = ["batchtopk-k2", "batchtopk-k6"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *names,
        "frontier.json",
        "frontier.svg",
        "manifest.json",
    ]
    files = ["cfg.json", "health.json", "sae_weights.safetensors"]
    assert all(sorted(path.name for path in (tmp_path / name).iterdir()) == files for name in names)
    manifest = artifacts.require_manifest(tmp_path)
    assert manifest.stage == "sweep" and manifest.config["source"] == "tiny" and manifest.counts == {"points": 2}
    assert sorted(manifest.files) == sorted(
        [*(f"{name}/{file}" for name in names for file in files), "frontier.json", "frontier.svg"]
    )
    written = json.loads((tmp_path / "frontier.json").read_text())
    assert written["source"] == "tiny"
    assert [Point(**one) for one in written["points"]] == points
    sae = SparseAutoencoder.load(tmp_path / "batchtopk-k6")
    assert torch.equal(sae.W_dec, train_sae(vectors, CONFIG.model_copy(update={"k": 6}))[0].W_dec)

    monkeypatch.setattr("samedream.sae.sweep.train_each", lambda *given, **named: pytest.fail("trained again"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert sweep(vectors, CONFIG, k=(6,), workspace=tmp_path, name="tiny") == points
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_sweep_grows_and_trains_only_what_is_missing(plant, tmp_path, monkeypatch):
    from samedream.sae import sweep as module

    vectors = plant(1000)[0]
    sweep(vectors, CONFIG, k=(2, 6), workspace=tmp_path)
    trained, train_each = [], module.train_each

    def noted(given, configs, **named):
        trained.extend(config.k for config in configs)
        return train_each(given, configs, **named)

    monkeypatch.setattr(module, "train_each", noted)
    grown = sweep(vectors, CONFIG, k=(4, 6), workspace=tmp_path)
    assert trained == [4]
    assert grown == sweep(vectors, CONFIG, k=(2, 4, 6))
    assert "batchtopk-k4/health.json" in artifacts.require_manifest(tmp_path).files


def test_a_killed_sweep_goes_on_and_ends_with_the_same_bytes(plant, tmp_path, monkeypatch):
    vectors = plant(1000)[0]
    config = CONFIG.model_copy(update={"moments": (0.5,)})
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    points = sweep(vectors, config, k=(2, 6), workspace=whole)
    learn = Course.learn

    def dying(self, rows):
        if self.trainer.steps_done == 12:
            raise KeyboardInterrupt
        return learn(self, rows)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("samedream.sae.checkpoint.SECONDS", -1.0)
        patch.setattr(Course, "learn", dying)
        sweep(vectors, config, k=(2, 6), workspace=cut)
    assert (cut / "batchtopk-k2" / "checkpoint.safetensors").exists()
    with pytest.raises(StaleArtifactError, match="was made with the setting width = 64, now it is 96"):
        sweep(vectors, config.model_copy(update={"width": 96}), k=(2, 6), workspace=cut)
    taken = []
    monkeypatch.setattr(Course, "learn", lambda self, rows: taken.append(self.trainer.steps_done) or learn(self, rows))
    assert sweep(vectors, config, k=(2, 6), workspace=cut) == points
    assert min(taken) == 12 and len(taken) == 16
    found, wanted = (
        {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        for place in (cut, whole)
    )
    assert found == wanted
    assert "batchtopk-k2/moments/step-000010/cfg.json" in artifacts.require_manifest(cut).files


def test_killed_between_training_and_drawing(plant, tmp_path, monkeypatch):
    vectors = plant(1000)[0]
    sweep(vectors, CONFIG, k=(2,), workspace=tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("samedream.sae.sweep.draw", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        sweep(vectors, CONFIG, k=(6,), workspace=tmp_path)
    assert artifacts.require_manifest(tmp_path).counts == {"points": 1}
    sweep(vectors, CONFIG, k=(6,), workspace=tmp_path)
    assert artifacts.require_manifest(tmp_path).counts == {"points": 2}


def test_other_vectors_are_never_mixed_in(plant, fake_store, tmp_path):
    vectors = plant(1000)[0]
    sweep(vectors, CONFIG, k=(2,), workspace=tmp_path)
    with pytest.raises(StaleArtifactError, match="was made with the input vectors = '"):
        sweep(vectors + 1, CONFIG, k=(4,), workspace=tmp_path)
    assert sweep(fake_store(vectors), CONFIG, k=(2,), workspace=tmp_path)[0].k == 2


def test_a_point_is_read_back(plant, tmp_path):
    points = sweep(
        plant(1000)[0], SAEConfig(variant="l1", **{"batch_rows": 128, "steps": 5}), k=(4,), workspace=tmp_path
    )
    assert [read_point(tmp_path / "l1-l1_0.007")] == [
        Point(**{**{f: getattr(points[0], f) for f in points[0].__struct_fields__}, "frontier": False})
    ]


def test_a_record_that_lacks_figures_is_no_point(tmp_path):
    path = tmp_path / "health.json"
    path.write_text('{"rows": 1, "metrics": [], "training": {"variant": "topk", "k": 8, "l1_strength": 0.0}}')
    with pytest.raises(CorruptArtifactError) as error:
        read_point(tmp_path)
    assert str(error.value) == (
        f"{path} is no record of a trained dictionary (it has no l0, variance_explained, dead_share, gini, density, "
        f"decoder_cosine_max); delete {tmp_path} and rerun to make it again"
    )
    path.write_text('{"rows": 1, "metrics": []}')  # as of a dictionary that was not trained here
    with pytest.raises(CorruptArtifactError, match="no record of a trained dictionary .*missing required field"):
        read_point(tmp_path)
