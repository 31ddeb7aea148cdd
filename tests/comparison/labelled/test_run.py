import json
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.comparison.labelled.rows import label, match, summary

from samedream import artifacts
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled import run as running
from samedream.comparison.labelled.judge.judge import Judgement
from samedream.comparison.labelled.store import BY_MODEL, load_labelled, load_written
from samedream.errors import CorruptArtifactError, MissingArtifactError, StaleArtifactError
from samedream.labels.config import LabelsConfig
from samedream.labels.language.question import Question, Reply
from samedream.labels.scores.trials import Trials
from samedream.labels.store import save_trials

CONCEPTS, PASSAGES = 30, 8  # passages of each concept


def finish(directory: Path, stage: str, *files: Path) -> Path:
    artifacts.finish(directory, stage, {}, inputs={}, counts={}, files=files)
    return directory


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_labels(study: Path, name: str, words: str = "word") -> None:
    """Feature n fires where concept n is, and its rule is concept n's word."""
    rng = np.random.default_rng(len(name))
    rows = [
        label(n, f"{words}{n}", "Chess", status="ok", rule_terms=[f"{words}{n}"], rule_weights=[1.0], badge="fair")
        for n in range(CONCEPTS)
    ]
    directory = study / "labels" / name
    path = table(directory / "labels.parquet", rows)
    passages, groups = [], []
    for concept in range(CONCEPTS):
        others = rng.choice(np.delete(np.arange(CONCEPTS * PASSAGES), np.s_[concept * 8 : concept * 8 + 8]), 9, False)
        passages += [*range(concept * 8, concept * 8 + 6), *others]
        groups += [0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    size = len(passages)
    trials = Trials(
        np.repeat(np.arange(CONCEPTS, dtype=np.int32), 15),
        np.array(passages, np.int64),
        np.array(groups, np.int8),
        np.zeros(size, np.float32),
        np.full(size, -1),
        np.full(size, -1),
    )
    finish(directory, "labels", path, save_trials(directory, trials))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    pair = tmp_path / "comparison/one--two"
    matches = table(pair / "matches.parquet", [match(side, n, n) for side in "ab" for n in range(CONCEPTS)])
    artifacts.write_json(pair / "summary.json", summary())
    finish(pair, "comparison", matches, pair / "summary.json")
    passages = [
        {
            "passage_id": f"p{n}", "article_id": f"a{n}", "article": "t", "section": "s", "kind": "text",
            "language": "en", "topic": "Chess", "text": f"some word{n // PASSAGES} here", "fold": "score",
        }
        for n in range(CONCEPTS * PASSAGES)
    ]  # fmt: skip
    finish(tmp_path / "corpus", "corpus", table(tmp_path / "corpus/passages.parquet", passages))
    finish(tmp_path / "labels/embedding", "labels")
    for name in ("one", "two"):
        write_labels(tmp_path, name)
        spans = {"span_starts": [5], "span_ends": [10], "span_values": [1.0]}
        rows = [{"feature": n, "rank": 0, "passage_id": f"p{8 * n}", **spans} for n in range(CONCEPTS)]
        finish(tmp_path / "features" / name, "features", table(tmp_path / f"features/{name}/exemplars.parquet", rows))
    return tmp_path


@pytest.fixture(autouse=True)
def no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge has tests of its own, on activity; here it says one thing."""
    said = Judgement(pa.table({"r": [0.5]}), {"chance": 0.25}, None)
    monkeypatch.setattr(running, "judge_pair", lambda *_, **__: said)


def make(study: Path, **settings: Any) -> Path:
    out = study / "comparison/one--two/labelled"
    running.run(
        out,
        ComparisonConfig(),
        LabelsConfig(**settings),
        pair=study / "comparison/one--two",
        features={"left": study / "features/one", "right": study / "features/two"},
        labels=(study / "labels/one", study / "labels/two"),
        corpus=study / "corpus",
        embedding=study / "labels/embedding",
        answers=study / "labels/answers",
    )
    return out


def test_it_measures_transfer_and_writes_words(study: Path) -> None:
    out = make(study)
    assert load_labelled(out)["judge"] == {"chance": 0.25}
    found = load_labelled(out)["transfer"]
    for way in ("a_to_b", "b_to_a"):
        assert found[way].keys() == {"rule"}  # there is no embedding
        assert found[way]["rule"]["features"] == CONCEPTS
        assert found[way]["rule"]["own"]["value"] == found[way]["rule"]["transferred"]["value"] == 1
        assert found[way]["rule"]["shuffled"]["value"] == pytest.approx(0.5, abs=0.05)
        assert found[way]["rule"]["kept"]["value"] == 1
    rows = pq.read_table(out / "transfer.parquet")
    assert rows["side"].to_pylist() == ["a"] * CONCEPTS + ["b"] * CONCEPTS
    assert rows["rule_transferred"].to_pylist() == [1.0] * 2 * CONCEPTS
    written = load_written(out)
    assert written is not None and written.models == ("One", "Two")
    assert "57 % [55–59 %] of One’s stable features" in (out / "written.md").read_text()
    assert "they keep 100 % [100–100 %] of what the own label adds" in (out / "written.md").read_text()
    assert load_written(out, BY_MODEL) is None


def test_labels_that_say_something_else_do_not_transfer(study: Path) -> None:
    write_labels(study, "one", "nothing")
    found = load_labelled(make(study))["transfer"]["a_to_b"]["rule"]
    assert found["own"]["value"] == 1 and found["transferred"]["value"] == 0.5
    assert abs(found["kept"]["value"]) < 0.1


def test_a_second_run_changes_nothing_and_new_labels_leave_the_comparison_alone(study: Path) -> None:
    out = make(study)
    before = (out / "written.json").read_bytes(), (study / "comparison/one--two/manifest.json").read_bytes()
    make(study)
    assert (out / "written.json").read_bytes() == before[0]
    write_labels(study, "one", "new")
    with pytest.raises(StaleArtifactError, match=r"labelled was made with the input labels left = "):
        make(study)
    assert (study / "comparison/one--two/manifest.json").read_bytes() == before[1]


def test_a_language_model_writes_too_where_one_is_asked(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []

    def ask(questions: Sequence[Question]) -> list[Reply]:
        asked.extend(questions)
        given = [{"text": "Model A and model B agree.", "features": ["a:0", "b:0"], "findings": [1]},
                 {"text": "They agree on cheese.", "features": ["a:999"], "findings": []}]  # fmt: skip
        return [Reply("ok", {"claims": given}) for _ in questions]

    @contextmanager
    def opened(config: LabelsConfig, *, cache: Path) -> Any:
        assert cache == study / "labels/answers"
        yield ask if config.llm else None

    monkeypatch.setattr(running, "open_language", opened)
    out = make(study, llm="some-model")
    said = load_written(out, BY_MODEL)
    assert said is not None and said.by == "some-model"
    kept = sum(len(section.claims) for section in said.sections)
    assert kept and said.dropped == {"with a feature that it was not given": 2 * len(asked) - kept}
    assert any(claim.text == "One and Two agree." for section in said.sections for claim in section.claims)
    assert "a:0 (model A) | word0 | some <<word0>> here" in "\n".join(question.user for question in asked)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["config"]["llm"] == "some-model"
    assert "written-by-model.md" in manifest["files"]
    with pytest.raises(StaleArtifactError, match=r"setting llm = 'some-model', now it is None"):
        make(study)


def test_what_is_missing_or_broken_is_said(study: Path) -> None:
    out = make(study)
    (out / "written.json").write_text("{}")
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        load_written(out)
    (study / "labels/two/manifest.json").unlink()
    with pytest.raises(MissingArtifactError, match="labels/two is not finished"):
        make(study)
