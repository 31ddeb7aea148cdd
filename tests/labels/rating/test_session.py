from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.report.small_study import Plan, make_study

from samedream.errors import MissingArtifactError
from samedream.labels.rating.records import load
from samedream.labels.rating.session import Held, open_models, rate


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("rated"), Plan())


@pytest.fixture(scope="module")
def models(study: Path) -> dict[str, Held]:
    names = sorted(path.name for path in (study / "labels").iterdir())
    return open_models(study / "corpus", {name: (study / "features" / name, study / "labels" / name) for name in names})


class Desk:
    """Someone who types: answers in turn, then end of file."""

    def __init__(self, answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.lines: list[str] = []

    def read(self, _: str) -> str:
        try:
            return next(self._answers) + "\n"
        except StopIteration:
            raise EOFError from None


def sit(models: dict[str, Held], path: Path, answers: str, count: int = 6, rater: str = "me") -> Desk:
    desk = Desk(answers)
    desk.done = rate(models, path, count=count, rater=rater, read=desk.read, show=desk.lines.append)  # type: ignore[attr-defined]
    return desk


def test_nothing_shown_tells_the_model_or_the_control(models: dict[str, Held], tmp_path: Path) -> None:
    desk = sit(models, tmp_path / "ratings.jsonl", "yyyyyyyyyyyyyyyyyyyy", count=20)
    text = "\n".join(desk.lines).casefold()
    assert not any(name in text for name in models)
    assert "control" not in text and "score" not in text and "badge" not in text
    given = load(tmp_path / "ratings.jsonl")
    assert {one.model for one in given} == set(models)
    assert any(one.control for one in given) and not all(one.control for one in given)
    for one in given:
        assert one.label == models[one.model].rows[one.label_of]["label"]


def test_passages_are_of_the_score_fold_with_the_peak_marked(
    models: dict[str, Held], study: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    desk = sit(models, tmp_path / "ratings.jsonl", "y" * 6)
    fold = {row["passage_id"]: row["fold"] for row in pq.read_table(study / "corpus/passages.parquet").to_pylist()}
    for one in load(tmp_path / "ratings.jsonl"):
        assert len(one.passages) >= 3 and {fold[name] for name in one.passages} == {"score"}
    shown = [line for line in desk.lines if line.startswith("  - ")]
    assert shown and all("[[" in line and "]]" in line for line in shown)


def test_answers_are_kept_at_once_and_a_session_goes_on(models: dict[str, Held], tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    first = sit(models, path, "ynq")
    assert first.done == 2 and [one.answer for one in load(path)] == ["yes", "no"]  # type: ignore[attr-defined]
    second = sit(models, path, "u")
    assert second.done == 3  # type: ignore[attr-defined]
    assert second.lines[0] == "\n3 of 6"
    third = sit(models, path, "yyy")
    assert third.done == 6 and sit(models, path, "").lines == []  # type: ignore[attr-defined]
    whole = tmp_path / "whole.jsonl"
    sit(models, whole, "ynuyyy")
    assert [(one.key, one.answer) for one in load(whole)] == [(one.key, one.answer) for one in load(path)]


def test_a_second_rater_gets_the_same_items(models: dict[str, Held], tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    sit(models, path, "yyy", count=3)
    sit(models, path, "nnn", count=3, rater="you")
    given = load(path)
    assert [one.key for one in given[:3]] == [one.key for one in given[3:]]


def test_what_is_no_answer_is_asked_again(models: dict[str, Held], tmp_path: Path) -> None:
    desk = sit(models, tmp_path / "ratings.jsonl", "x?Y", count=1)
    assert desk.lines.count("y, n, u or q, please") == 2
    assert desk.done == 1  # type: ignore[attr-defined]


def test_without_held_out_passages_nothing_can_be_rated(
    models: dict[str, Held], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Held, "candidates", lambda self: [])
    with pytest.raises(MissingArtifactError, match=r"no label under .* has 3 passages of the score fold"):
        sit(models, tmp_path / "ratings.jsonl", "y")
