from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.comparison.labelled.rows import small

from samedream.comparison.labelled.by_model import NEW_NUMBER, NO_FEATURE, UNKNOWN_FEATURE, write_with
from samedream.comparison.labelled.claims import Written
from samedream.comparison.labelled.written import markdown, write
from samedream.labels.language.question import Question, Reply

Claims = list[dict[str, Any]]


class Writer:
    """A language model that says what it is told to, in the section asked for."""

    def __init__(self, say: Callable[[str], Reply]) -> None:
        self.say, self.asked = say, list[Question]()

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        self.asked += questions
        return [self.say(question.user.splitlines()[0].removeprefix("Section: ")) for question in questions]


def ok(*claims: dict[str, Any]) -> Reply:
    return Reply("ok", {"claims": list(claims)})


def claim(text: str, features: Sequence[str] = ("a:0", "b:0"), findings: Sequence[int] = (1,)) -> dict[str, Any]:
    return {"text": text, "features": list(features), "findings": list(findings)}


def anchors_of(written: Written) -> Any:
    return next(section for section in written.sections if section.key == "anchors")


def written_with(anchors: Reply, passages: Mapping[str, str] | None = None) -> tuple[Written, Writer]:
    writer = Writer(lambda title: anchors if title == "Shared conceptual anchors" else ok())
    return write_with(writer, write(small()), passages or {}, "some model"), writer


def test_a_claim_keeps_its_features_and_the_figures_of_its_findings() -> None:
    found, _ = written_with(ok(claim("Both model A and Model B know chess  (r = .9).")))
    kept = anchors_of(found).claims[0]
    assert kept.text == "Both One and Two know chess (r = .9)."
    assert kept.features == ["a:0", "b:0"]
    assert kept.figures["pairs.Chess"] == 3
    assert found.by == "some model" and found.dropped == {}
    assert found.names == {"a:0": "chess, king", "b:0": "chess, king, more0"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (claim("Both know chess.", []), NO_FEATURE),
        (claim("Both know chess.", ["a:0", "a:999"]), UNKNOWN_FEATURE),
        (claim("Both know chess, as in b:999."), UNKNOWN_FEATURE),
        (claim("Both know opera.", ["a:6"]), UNKNOWN_FEATURE),  # it exists, but was not given for this section
        (claim("Both know chess in 97 % of the cases."), NEW_NUMBER),
    ],
)
def test_claims_that_rest_on_nothing_are_dropped_and_counted(said: dict[str, Any], why: str) -> None:
    found, _ = written_with(ok(said, claim("Both know chess.")))
    assert [one.text for one in anchors_of(found).claims] == ["Both know chess."]
    assert found.dropped == {why: 1}
    assert f"Sentences left out: 1 {why}." in markdown(found)


def test_the_writer_is_blind_and_sees_findings_labels_and_passages() -> None:
    _, writer = written_with(ok(), {"a:0": "The <<king>> is\nin check."})
    every = "\n".join(question.user for question in writer.asked)
    assert "One" not in every and "Two" not in every
    assert "1. Chess: 3 pairs choose each other" in every
    assert "a:0 (model A) | chess, king | The <<king>> is in check." in every
    assert {question.task for question in writer.asked} == {"writing"}


@pytest.mark.parametrize("reply", [Reply("failed", None, "no JSON"), Reply("not asked")])
def test_a_failed_answer_leaves_a_gap_and_no_words(reply: Reply) -> None:
    found, _ = written_with(reply)
    section = anchors_of(found)
    assert section.claims == []
    assert section.gaps[0].startswith(f"the language model’s answer: {reply.status}")


def test_nothing_kept_is_said() -> None:
    found, _ = written_with(ok(claim("Nothing.", [])))
    assert anchors_of(found).gaps == ["no claim of the language model could be kept"]


def test_sections_without_findings_are_not_asked_for() -> None:
    empty = small(shared_fraction={"a_to_b": None, "b_to_a": None}, normalised={"a_to_b": None, "b_to_a": None},
                  embedding_similarity=None)  # fmt: skip
    writer = Writer(lambda _: ok())
    write_with(writer, write(empty), {}, "x")
    assert "Section: Summary" not in [question.user.splitlines()[0] for question in writer.asked]
