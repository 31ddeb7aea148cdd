"""`samedream sae DIR` as a user meets it: the sweep, and hidden states that cannot be trained on."""

import json
import sys

import pytest
import torch

from samedream import artifacts, cli
from samedream.activations.shards import shard_name
from samedream.study import Study, parse_study

SETTINGS = {"models": ["x/one", "x/two"], "floor": False, "ceiling": False}
QUICK = {"batch_rows": 128, "steps": 10, "width": 64, "k": 4, "downstream_passages": 0}


@pytest.fixture
def command(capsys, monkeypatch):
    """Run a command line in this process: (exit status, stdout, stderr's last line)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["samedream", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, (said.err.splitlines() or [""])[-1]

    return run


@pytest.fixture
def study(stored, tmp_path):
    """A study that is read: `study(vectors, **settings of sae)`."""

    def make(vectors, **settings):
        made = Study(parse_study({**SETTINGS, "sae": {**QUICK, **settings}}, "test"), tmp_path / "study")
        made.save()
        made.corpus.mkdir()
        artifacts.finish(made.corpus, "corpus", {}, inputs={}, counts={}, files=[])
        for model in made.models():
            stored(made.activations(model), vectors)
        return made

    return make


def test_a_sweep(study, plant, command):
    made = study(plant(1000)[0])
    before = cli_status(command, made)
    code, out, _ = command("sae", made.directory, "--sweep", "k=2,6", "--model", "one", "--json")
    assert code == 0
    found = json.loads(out)
    assert list(found) == ["one"]
    directory = made.directory / "sae" / "one" / "sweep"
    assert found["one"]["directory"] == str(directory)
    assert [(point["k"], point["variant"], point["frontier"]) for point in found["one"]["points"]] == [
        (2, "batchtopk", True),
        (6, "batchtopk", True),
    ]
    assert found["one"]["points"] == json.loads((directory / "frontier.json").read_text())["points"]
    assert not (made.directory / "sae" / "two").exists()
    code, out, _ = command("sae", made.directory, "--sweep", "k=2", "--sweep", "l1_strength=0,1e-2")
    lines = out.splitlines()
    assert [line.split() for line in lines if line.startswith("l1_topk")][0][:3] == ["l1_topk", "2", "0"]
    assert [line for line in lines if not line.startswith((" ", "variant", "batchtopk", "l1_topk"))] == [
        "one",
        f"picture: {directory / 'frontier.svg'}",
        "two",
        f"picture: {made.directory / 'sae' / 'two' / 'sweep' / 'frontier.svg'}",
    ]
    assert sum(line.startswith(("batchtopk", "l1_topk")) for line in lines) == 6  # two of them from the first sweep
    assert cli_status(command, made) == before  # a sweep is beside the study


def cli_status(command, made):
    return command("status", made.directory, "--json")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sweep", "width=3"],
            "--sweep width=3: expected k and whole numbers or l1_strength and numbers, for example --sweep k=16,32,64 "
            "--sweep l1_strength=0,1e-3",
        ),
        (
            ["--sweep", "k=1.5"],
            "--sweep k=1.5: expected k and whole numbers or l1_strength and numbers, for example --sweep k=16,32,64 "
            "--sweep l1_strength=0,1e-3",
        ),
        (["--model", "one"], "--model says whose dictionaries --sweep trains: give --sweep too, or leave it out"),
        (["--sweep", "k=2", "--model", "three"], "{0} has no model 'three'; expected one of one, two"),
        (
            ["--sweep", "k=2"],
            '{0}/activations/one is not finished, and a sweep needs it; run "samedream activations {0}" first',
        ),
    ],
)
def test_a_sweep_that_cannot_be_made(arguments, message, command, tmp_path):
    Study(parse_study(SETTINGS, "test"), tmp_path).save()
    code, out, said = command("sae", tmp_path, *arguments)
    assert (code, out) == (1, "")
    assert said == f"samedream: {message.format(tmp_path)}"


def test_hidden_states_that_cannot_be_trained_on(study, plant, command):
    vectors = plant(1000)[0]
    vectors[500, 2] = torch.nan
    made = study(vectors)
    for more in ([], ["--sweep", "k=2"]):
        assert command("sae", made.directory, *more)[::2] == (
            1,
            f"samedream: {made.activations('one')}: 1 of 1,000 vectors have NaN or infinite values, the first is row "
            "500: expected finite numbers. The model overflowed while it was read, or they were damaged since: harvest "
            'again in float32 (dtype = "float32" in [activations])',
        )


def test_k_above_the_number_of_features(study, plant, command):
    made = study(plant(1000)[0])
    code, _, said = command("sae", made.directory, "--sweep", "k=8,64")
    assert code == 1
    assert said == (
        f"samedream: {made.activations('one')}: "
        "k is 64 and there are 64 features: expected k below the number of features. Lower k, or raise "
        "expansion (now 4, hidden states have 32 dimensions) or width"
    )


def test_fewer_vectors_than_features(study, plant, command):
    made = study(plant(1000)[0], width=2000)  # of the 25 articles 3 are held out, 120 rows
    code, _, said = command("sae", made.directory)
    assert code == 1
    assert said == (
        f"samedream: {made.activations('one')}: "
        "880 training vectors for 2,000 features: expected at least one vector per feature. Read more "
        "passages, or lower expansion (now 4) or width"
    )


def test_constant_dimensions_are_trained_on_and_constant_rows_are_not(study, plant, command, tmp_path):
    vectors = plant(1000)[0]
    vectors[:, 5] = 3.0
    assert command("sae", study(vectors).directory)[0] == 0
    other = tmp_path / "same"
    (tmp_path / "study").rename(other)
    made = study(torch.ones(1000, 32))
    code, _, said = command("sae", made.directory)
    assert code == 1
    assert said == (
        f"samedream: {made.activations('one')}: "
        "all 880 training vectors are the same: there is nothing to explain. Expected hidden states of "
        "different tokens; look at the harvest (layer, pooling) they come from"
    )


def test_a_store_that_ends_in_the_middle_of_a_shard(study, plant, command):
    made = study(plant(1000)[0])
    shard = made.activations("one") / shard_name(1)
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-1000])
    code, _, said = command("sae", made.directory)
    assert code == 1
    assert said == (
        f"samedream: {shard}: {size - 1000} bytes, expected {size} bytes; delete "
        f"{made.activations('one') / 'manifest.json'} and rerun the activations stage: only damaged shards are made "
        f"again"
    )
