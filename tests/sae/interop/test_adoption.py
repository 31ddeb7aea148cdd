"""A study that is given a dictionary instead of training one: `sae = "path"`."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.test_end_to_end import settings as tiny_settings

from samedream import artifacts, stages
from samedream.errors import MissingArtifactError, StaleArtifactError, StudyFileError, TrainingError
from samedream.sae.adoption import Place, doubts
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.interop.formats import find
from samedream.sae.run import adopt
from samedream.sae.store import load_health
from samedream.study import Study, open_study, parse_study

DATA = Path(__file__).parent.parent / "data"
CONFIG = SAEConfig()


def gemma_scope(directory, *, d=32, features=64, seed=0):
    """A dictionary as Gemma Scope has them, of random directions, for hidden states with a mean of about 1."""
    generator = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(features, d, generator=generator), dim=1)
    tensors = {
        "W_enc": decoder.T.contiguous(), "b_enc": torch.zeros(features), "W_dec": decoder,
        "b_dec": torch.zeros(d), "threshold": torch.full((features,), 0.5),
    }  # fmt: skip
    directory.mkdir(parents=True)
    save_file(tensors, directory / "params.safetensors")
    return directory


def test_the_dictionary_is_copied_in_the_layout_of_saelens_and_measured_here(harvest, tmp_path, plant):
    given, out = gemma_scope(tmp_path / "scope"), tmp_path / "sae" / "tiny" / "seed-4738"
    adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)
    assert sorted(path.name for path in out.iterdir()) == [
        "cfg.json", "health.json", "manifest.json", "sae_weights.safetensors",
    ]  # fmt: skip
    sae, rows = SparseAutoencoder.load(out), plant(1000)[0]
    original = gemma_scope(tmp_path / "again")
    assert find(original).fingerprint() == find(given).fingerprint()
    features = sae.encode(rows)
    direct = torch.relu(rows @ sae.W_enc)
    torch.testing.assert_close(features, torch.where(direct > 0.5, direct, 0.0))
    assert sae.metadata["model_name"] == "wheel:tiny"  # it named none: the study's
    assert sae.metadata["hook_name"] == "blocks.3.hook_resid_post"
    manifest = artifacts.require_manifest(out)
    assert manifest.config == {
        "source": "wheel:tiny",
        "dictionary": "scope",
        "layer": None,
        "downstream_passages": CONFIG.downstream_passages,
    }
    assert manifest.inputs == {
        "activations": artifacts.require_manifest(harvest).fingerprint(),
        "dictionary": find(given).fingerprint(),
    }
    assert manifest.counts["rows"] + manifest.counts["held_out_rows"] == 1000
    assert {key: manifest.counts[key] for key in ("d_in", "features")} == {"d_in": 32, "features": 64}
    health = load_health(out)
    assert health.rows == manifest.counts["held_out_rows"]
    figures = {metric.key: metric.value for metric in health.metrics}
    # L0 on the held-out rows is near that on all rows
    assert figures["l0"] == pytest.approx(float(features.count_nonzero()) / 1000, rel=0.1)
    assert figures["variance_explained"] < 0.5  # random directions


def test_a_second_run_reuses_it_even_where_the_dictionary_has_gone(harvest, tmp_path, monkeypatch):
    given, out = gemma_scope(tmp_path / "scope"), tmp_path / "out"
    adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr("samedream.sae.run.open_dictionary", lambda path: pytest.fail("read again"))
    adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)
    shutil.rmtree(given)
    adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    gemma_scope(given, seed=1)
    with pytest.raises(StaleArtifactError, match="was made with the input dictionary = '[0-9a-f]{64}', now it is"):
        adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)


def test_training_settings_do_not_matter_to_it(harvest, tmp_path):
    given, out = gemma_scope(tmp_path / "scope"), tmp_path / "out"
    adopt(out, CONFIG, activations=harvest, source="wheel:tiny", dictionary=given)
    adopt(out, SAEConfig(k=5, seed=1), activations=harvest, source="wheel:tiny", dictionary=given)


def test_a_dictionary_of_another_width(harvest, tmp_path):
    given, named = gemma_scope(tmp_path / "scope", d=2304, features=8), DATA / "saelens-topk"
    for path, said, d in ((given, "", 2304), (named, " (of gpt2-small)", 8)):
        with pytest.raises(TrainingError) as error:
            adopt(tmp_path / "out", CONFIG, activations=harvest, source="wheel:tiny", dictionary=path)
        assert str(error.value) == (
            f"{path}: a dictionary of d {d}{said}, but the hidden states of wheel:tiny have d 32: it is of another "
            f"model. Give one of this model, or take the key sae out of the study file to train one"
        )
        assert not (tmp_path / "out").exists()


def test_another_model_or_layer_is_said(harvest, tmp_path, capsys):
    sae = SparseAutoencoder.of(find(gemma_scope(tmp_path / "scope")).weights())
    sae.metadata |= {"model_name": "google/gemma-2-2b", "hook_name": "blocks.20.hook_resid_post"}
    sae.save(tmp_path / "named")
    adopt(tmp_path / "out", CONFIG, activations=harvest, source="wheel:tiny", dictionary=tmp_path / "named")
    said = [line[10:] for line in capsys.readouterr().err.splitlines() if "it says" in line]
    last = ". If that is something else, its features mean nothing here"
    assert said == [
        f"{tmp_path / 'named'}: it says it is of the model google/gemma-2-2b, this study reads wheel:tiny{last}",
        f"{tmp_path / 'named'}: it says it reads blocks.20.hook_resid_post, this study's hidden states are "
        f"blocks.3.hook_resid_post{last}",
    ]
    kept = SparseAutoencoder.load(tmp_path / "out").metadata  # what it says of itself is not overwritten
    assert (kept["model_name"], kept["hook_name"]) == ("google/gemma-2-2b", "blocks.20.hook_resid_post")


@pytest.mark.parametrize(
    ("model", "hook", "number"),
    [
        ("gemma-2-2b", "blocks.20.hook_resid_post", 0),
        ("google/gemma-2-2b", "layer_20", 0),
        ("Gemma-2-2B", "model.layers.20.output", 0),
        (None, "layers.20", 0),
        (None, "resid_post_layer_20", 0),
        (None, "blocks.21.hook_resid_pre", 0),  # what enters block 21 is what leaves block 20
        ("gemma-2-2b", None, 0),
        ("gemma-2-2b-it", "layer_20", 1),
        ("gemma-2-2b", "blocks.20.hook_resid_pre", 1),
        ("gemma-2-2b", "blocks.20.hook_mlp_out", 1),
        ("gemma-2-9b", "layer_2", 2),
    ],
)
def test_names_that_mean_the_same_raise_no_doubt(model, hook, number):
    place = Place("google/gemma-2-2b", "blocks.20.hook_resid_post", None)
    assert len(doubts({"model_name": model, "hook_name": hook}, place)) == number


def two(**first):
    return {"models": [{"source": "a/one", **first}, "b/two"]}


def test_a_study_file_gives_one_dictionary_or_two(tmp_path):
    trained = Study(parse_study(two(), "x"), tmp_path)
    assert trained.dictionary("one") is None
    one = Study(parse_study(two(sae="some/where"), "x"), tmp_path)
    assert one.readers() == ["one", "two", "two.repeat", "one.random", "two.random"]
    assert one.dictionary("one") == Path("some/where")
    assert [one.dictionary(reader) for reader in one.readers()[1:]] == [None] * 4
    pair = Study(parse_study(two(sae=["~/first", "second"]), "x"), tmp_path)
    assert "one.repeat" in pair.readers()
    assert pair.dictionary("one") == Path.home() / "first"
    assert pair.dictionary("one.repeat") == Path("second")
    assert pair.dictionary("one.random") is None
    pair.save()
    assert open_study(tmp_path).config == pair.config


@pytest.mark.parametrize("value", [["a", "b", "c"], "", [""]])
def test_no_other_number_of_them(value):
    with pytest.raises(StudyFileError) as error:
        parse_study(two(sae=value), "x.toml")
    assert str(error.value).startswith('x.toml: "models.0.sae" = ')
    assert str(error.value).endswith("expected the path of a dictionary, or two: the dictionary and its repeat")


@pytest.fixture(scope="module")
def study(tiny_models, tmp_path_factory):
    """A finished study of two tiny models, the first with a given dictionary and no repeat."""
    directory = tmp_path_factory.mktemp("given")
    corpus = directory / "articles.jsonl"
    words = ["chess", "river", "empire", "protein", "guitar"]
    with corpus.open("w", encoding="utf-8") as lines:
        for number in range(120):
            word = words[number % 5]
            text = f"The {word} of number {number} is known for its {word}. People met the {word} in {1800 + number}."
            lines.write(json.dumps({"id": number, "title": f"{word} {number}", "text": text}) + "\n")
    values = tiny_settings(tiny_models, corpus)
    values["models"][0]["sae"] = str(gemma_scope(directory / "scope-of-one"))
    values |= {
        "floor": False,
        "frozen": False,
        "widths": [],
        "sae": {"expansion": 2, "k": 4, "batch_rows": 256, "steps": 30},
    }
    opened = Study(parse_study(values, "test"), directory / "study")
    opened.save()
    stages.run_study(opened)
    return opened


def test_a_study_with_a_given_dictionary_goes_all_the_way(study):
    assert sorted(path.name for path in (study.directory / "features").iterdir()) == ["one", "two", "two.repeat"]
    given, trained = (artifacts.require_manifest(study.sae(reader)) for reader in ("one", "two"))
    assert set(given.inputs) == {"activations", "dictionary"}
    assert set(trained.inputs) == {"activations"}
    answer = json.loads((study.directory / "answer.json").read_text())
    assert answer["ceiling"]["a_to_b"] is None  # no second dictionary of the first model
    assert answer["ceiling"]["b_to_a"]["value"] is not None
    summary = json.loads((study.comparison("one", "two") / "summary.json").read_text())
    assert summary["features"] == {"One": 64, "Two": 64}
    assert any(note.startswith("A repeat with another seed is missing") for note in summary["notes"])
    page = (study.directory / "report" / "index.html").read_text()
    assert "scope-of-one" in page  # the method names the dictionary
    assert all(row["state"] == "done" for row in stages.status(study))


def test_a_dictionary_that_is_not_there_is_met_before_any_model_is_read(tiny_models, tmp_path):
    corpus = tmp_path / "articles.jsonl"
    corpus.write_text(json.dumps({"id": 1, "title": "t", "text": "A text."}) + "\n")
    values = tiny_settings(tiny_models, corpus)
    values["models"][1]["sae"] = [str(gemma_scope(tmp_path / "scope")), str(tmp_path / "nothing")]
    opened = Study(parse_study(values, "test"), tmp_path / "study")
    with pytest.raises(MissingArtifactError, match=f"^there is no {tmp_path / 'nothing'}: expected a dictionary"):
        stages.run_study(opened)
    assert not (tmp_path / "study").exists()
