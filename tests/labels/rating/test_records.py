from pathlib import Path

import pytest

from samedream.errors import CorruptArtifactError
from samedream.labels.rating.records import Answer, Rating, append, load


def rating(key: str = "m:1:1:0", rater: str = "me", answer: Answer = "yes", **more: object) -> Rating:
    values = {"model": "m", "feature": 1, "label": "chess", "label_of": 1, "time": "2026-01-01T00:00:00+00:00"}
    return Rating(key=key, rater=rater, answer=answer, passages=["p"], **{**values, **more})  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "ratings.jsonl"
    assert load(path) == []
    given = [rating("a"), rating("b", answer="unsure"), rating("a", rater="you", label="naïve “x”\n")]
    for one in given:
        append(path, one)
    assert load(path) == given
    assert path.read_bytes().count(b"\n") == 3


def test_the_last_answer_of_a_rater_counts(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    for one in (rating("a", answer="yes"), rating("b"), rating("a", answer="no")):
        append(path, one)
    assert [(one.key, one.answer) for one in load(path)] == [("b", "yes"), ("a", "no")]


def test_a_line_that_was_cut_is_left_out_and_a_broken_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    append(path, rating("a"))
    append(path, rating("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert [one.key for one in load(path)] == ["a"]
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(CorruptArtifactError, match=r"ratings\.jsonl, line 1, is no rating .*mend or remove that line"):
        load(path)


def test_an_answer_after_a_cut_line_does_not_join_it(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    append(path, rating("a"))
    append(path, rating("b"))
    path.write_bytes(path.read_bytes()[:-20])
    append(path, rating("c"))
    assert [one.key for one in load(path)] == ["a", "c"]
