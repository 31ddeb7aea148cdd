"""Corpus to report on tiny models: the whole way, its command, its resume."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from samedream import stages
from samedream.cli import app
from samedream.study import Study, parse_study
from tests.test_cli import samedream

WORDS = ["chess", "river", "empire", "protein", "guitar", "orbit", "parliament", "volcano", "algebra", "football"]


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 short articles on ten subjects, each with words of its own."""
    path = tmp_path_factory.mktemp("corpus") / "articles.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for number in range(240):
            word, other = WORDS[number % 10], WORDS[number * 7 % 10]
            text = (
                f"The {word} of number {number} is known for its {word} and for nothing like a {other}. "
                f"People who study the {word} met in {1800 + number} and wrote about it at length."
            )
            lines.write(json.dumps({"id": number, "title": f"{word} {number}", "topic": word, "text": text}) + "\n")
    return path


def settings(models: dict[str, Path], corpus: Path) -> dict[str, object]:
    return {
        "name": "tiny",
        "frozen": True,
        "models": [{"name": "One", "source": str(models["llama"])}, {"name": "Two", "source": str(models["gpt2"])}],
        "widths": [64],
        "corpus": {"source": str(corpus), "languages": [], "drop_near_duplicates": False},
        "labels": {"embedder": str(models["gemma3"])},
        "sae": {"expansion": 4, "k": 4, "batch_rows": 256, "epochs": 40},
        "comparison": {"permutations": 40, "min_passages": 8},
    }


@pytest.fixture(scope="module")
def study(tiny_models: dict[str, Path], corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A finished study of two tiny models."""
    opened = Study(parse_study(settings(tiny_models, corpus_file), "test"), tmp_path_factory.mktemp("study"))
    opened.save()
    stages.run_study(opened)
    return opened


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_study_leaves_what_the_design_promises(study: Study) -> None:
    answer = json.loads((study.directory / "answer.json").read_text())
    assert answer["models"] == ["One", "Two"]
    assert answer["passages"] == 240
    assert set(answer) >= {
        "universality",
        "floor",
        "ceiling",
        "normalised",
        "shared_fraction",
        "granularity",
        "verdict",
    }
    for name in (
        "corpus/passages.parquet",
        "sae/one/seed-{}/sae_weights.safetensors",
        "features/two.random/activity.npz",
        "features/one.repeat/exemplars.parquet",
        "labels/two/labels.parquet",
        "labels/embedding/embedding.npy",
        "features/two.frozen/activity.npz",
        "comparison/one--two/matches.parquet",
        "comparison/one--two/summary.json",
        "comparison/one--two/labelled/written.json",
        "comparison/one--two/labelled/written.md",
        "report/index.html",
    ):
        assert (study.directory / name.format(study.sae_config("one").seed)).is_file(), name
    assert all(row["state"] == "done" for row in stages.status(study))
    summary = json.loads((study.directory / "comparison/one--two/summary.json").read_text())
    for way in ("a_to_b", "b_to_a"):
        assert summary["floor_frozen"][way] is not None and summary["embedding_similarity"] is not None
    assert summary["method"]["eligible_features"].keys() >= {"left_frozen", "right_frozen"}


def test_a_further_width_makes_a_curve(study: Study) -> None:
    found = json.loads((study.directory / "comparison/one--two/summary.json").read_text())["granularity"]
    answer = json.loads((study.directory / "answer.json").read_text())["granularity"]
    assert answer == {key: value for key, value in found.items() if key != "curves"}
    assert [curve["width"] for curve in found["curves"]] == [[64, 64], [128, 128]]
    assert found["verdict"] in ("narrower", "broader", "no clear difference")
    assert set(found["by_measure"]) == {
        "firing_rate", "effective_passages", "effective_articles", "effective_topics", "effective_words",
        "entity_share",
    }  # fmt: skip
    for curve in found["curves"]:
        assert {side: round(fit["l0"]) for side, fit in curve["fit"].items()} == {"a": 4, "b": 4}
    assert "one.w64.repeat" in {row["name"] for row in stages.status(study)}
    assert "w64" not in (study.directory / "report/index.html").read_text()


def test_only_main_dictionaries_are_put_into_their_model(study: Study) -> None:
    page = (study.directory / "report/index.html").read_text()
    for reader in study.readers():
        health = json.loads((study.sae(reader) / "health.json").read_text())
        assert ("downstream" in health) == (reader in study.models())
    health = json.loads((study.sae("one") / "health.json").read_text())
    # a tenth of 240 articles of one passage is held out, each article with that chance
    assert health["downstream"]["passages"] == health["downstream"]["articles"] > 5
    assert "loss of the model" in page
    assert "seed stability" in page


def test_the_page_says_what_the_answer_says(study: Study) -> None:
    page = (study.directory / "report/index.html").read_text()
    summary = json.loads((study.directory / "comparison/one--two/summary.json").read_text())
    for side in ("a", "b"):
        assert sum(summary["classes"][side].values()) == 128
        for count in summary["classes"][side].values():
            assert f"{count}" in page
    assert "240 passages" in page
    assert "Do One and Two dream the same concepts?" in page


def test_a_second_run_changes_nothing(study: Study) -> None:
    before = digests(study.directory)
    stages.run_study(study)
    assert digests(study.directory) == before


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["corpus", "activations", "sae", "features", "comparison"])
def test_a_run_killed_at_the_end_of_a_stage_ends_with_the_same_bytes(study: Study, tmp_path: Path, stage: str) -> None:
    """The manifest is written last: without it, and without all that follows, the disk is as a kill leaves it."""
    shutil.copytree(study.directory, tmp_path / "copy")
    copy = Study(study.config, tmp_path / "copy")
    listed = stages.tasks(copy)
    killed = next(number for number, task in enumerate(listed) if task.stage == stage)
    for later in listed[killed + 1 :]:
        shutil.rmtree(later.directory, ignore_errors=True)  # one may lie in another that is gone
    (listed[killed].directory / "manifest.json").unlink()
    (copy.directory / "answer.json").unlink()
    stages.run_study(copy)
    assert digests(copy.directory) == digests(study.directory)


def test_hidden_states_may_be_deleted_afterwards(study: Study, tmp_path: Path) -> None:
    copy = Study(study.config, tmp_path / "copy")
    shutil.copytree(study.directory, copy.directory)
    shutil.rmtree(copy.directory / "activations")
    before = digests(copy.directory)
    stages.run_study(copy)
    assert digests(copy.directory) == before
    assert {row["state"] for row in stages.status(copy) if row["stage"] == "activations"} == {
        "deleted, not needed any more"
    }


def test_changed_settings_are_an_error_that_names_the_field(study: Study, tmp_path: Path) -> None:
    copy = Study(study.config, tmp_path / "copy")
    shutil.copytree(study.directory, copy.directory)
    changed = copy.config.model_copy(update={"sae": copy.config.sae.model_copy(update={"k": 5})})
    from samedream.errors import StaleArtifactError

    with pytest.raises(StaleArtifactError, match=r"the setting k = 4, now it is 5\. Nothing is reused silently"):
        stages.run_study(Study(changed, copy.directory))


def test_the_command_prints_the_verdict_and_resumes(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.directory, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/report")
    result = samedream("report", tmp_path / "copy")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"report: {tmp_path / 'copy' / 'report'}\n"
    assert digests(tmp_path / "copy") == digests(study.directory)
    rows = json.loads(samedream("status", tmp_path / "copy", "--json").stdout)
    assert {row["state"] for row in rows} == {"done"}


def test_labels_can_be_rated_and_nothing_else_asks(study: Study, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for part in ("corpus", "labels", "features"):
        shutil.copytree(study.directory / part, copy / part)
    shutil.copy(study.directory / "study.json", copy)
    command = CliRunner()
    none = command.invoke(app, ["labels", str(copy), "--rate", "3"])
    assert "there is no terminal to ask in, nor an answer on standard input" in str(none.exception)
    some = command.invoke(app, ["labels", str(copy), "--rate", "3", "--rater", "you"], input="y\nu\nq\n")
    assert "2 of 3 rated by you" in some.stdout
    found = command.invoke(app, ["labels", str(copy), "--ratings", "--json"])
    assert [(one["rater"], one["rated"], one["unsure"]) for one in json.loads(found.stdout)] == [("you", 2, 1)]
