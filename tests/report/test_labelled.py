"""Badges, label transfer, the judge and the written comparison, on the page and in the terminal."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.report.small_study import around
from tests.report.test_page import read, said

from samedream import artifacts
from samedream.comparison.labelled.claims import Claim, Section, Written
from samedream.comparison.labelled.store import BY_MODEL, save_labelled, save_written
from samedream.report.config import ReportConfig
from samedream.report.labelled import labelled_tables
from samedream.report.printed import printed
from samedream.report.run import run
from samedream.report.trust import trust

Make = Callable[..., Path]
NAMES = ("SmolLM2-135M", "Gemma-3-270M")


def transfer(kept: float | None = 0.8) -> dict[str, Any]:
    one = {"features": 41, "own": around(0.7, 0.01), "transferred": around(0.66, 0.01), "shuffled": around(0.5, 0.01)}
    both = {"as badged": one | {"kept": around(kept, 0.05) if kept else None}}
    return {"a_to_b": both, "b_to_a": both}


def judge() -> dict[str, Any]:
    way = {"matched": around(0.6, 0.05) | {"cases": 50}, "unmatched": None, "repeat": around(0.7, 0.05)}
    return {
        "chance": 0.25,
        "embedding": {"negatives": {"meaning": {"a_to_b": way, "b_to_a": way}, "correlation": None}},
        "llm": None,
    }


def with_scores(study: Path) -> None:
    """Give the labels badges in turn, and each model a summary of its scores."""
    badges = ("strong", "fair", "weak", "none")
    for directory in (study / "labels").iterdir():
        path = directory / "labels.parquet"
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row |= {"badge": badges[row["feature"] % 4], "headline": "rule", "embedding": None}
            row |= {"rule": 0.72, "rule_low": 0.61, "rule_high": 0.81, "rule_shuffled": 0.5}
        pq.write_table(pa.Table.from_pylist(rows), path)
        score = {"rule": {"auc": 0.55, "shuffled": 0.5}}
        fair = {"strong": 0.01, "fair": 0.05, "weak": 0.2, "none": 0.74}
        found = {"badges": fair, "badges_of_shuffled": dict.fromkeys(fair, 0.0), "scores": score}
        artifacts.write_json(directory / "scores.json", found | {"random_directions": {"scores": score}})
        files = [path, directory / "scores.json"]
        artifacts.finish(directory, "labels", {"words": 3}, inputs={}, counts={}, files=files)


def with_words(study: Path, *, by_model: bool = False) -> None:
    directory = next((study / "comparison").iterdir()) / "labelled"
    claim = Claim("Both know <chess> in 41 % of cases.", {"pairs.Chess": 3}, ["a:0", "b:999"])
    sections = [Section("anchors", "Shared conceptual anchors", [claim], ["nothing of rivers"])]
    names = {"a:0": "chess", "b:999": "rook"}
    files = save_written(directory, Written(NAMES, "figures", sections, names, notes=["How to read it."]))
    if by_model:
        said = [Section("anchors", "Shared conceptual anchors", [Claim("Chess, says it.", {}, ["a:0"])])]
        files += save_written(directory, Written(NAMES, "a model", said, names, {"without a feature": 2}), BY_MODEL)
    files.append(save_labelled(directory, {"transfer": transfer(), "judge": judge()}))
    artifacts.finish(directory, "comparison", {}, inputs={}, counts={}, files=files)


def page_of(study: Path) -> tuple[str, str]:
    text, tree = read(run(study, ReportConfig()))
    return text, said(tree)


def test_labels_have_badges_with_a_word_and_their_score(make: Make) -> None:
    study = make()
    with_scores(study)
    text, words = page_of(study)
    for badge in ("strong", "fair", "weak", "none"):
        assert re.search(rf'<span class="badge {badge}" title="label: {badge} – [^"]*">{badge}</span>', text), badge
    assert "held-out AUC .72 [.61–.81], other labels .50" in text
    assert "by its words AUC" in words
    assert "How far can the labels be trusted?" in words
    assert "6.0 % of the labels hold on passages that they were not made from" in words
    assert "labels of random directions by their words" in words


def test_without_scores_there_are_no_badges(study: Path) -> None:
    text, words = page_of(study)
    assert 'class="badge' not in text.split("</style>")[1]
    assert "How far can the labels be trusted?" not in words and "In words" not in words


def test_the_written_comparison_links_to_cards_and_escapes(make: Make) -> None:
    study = make()
    with_words(study)
    text, words = page_of(study)
    assert "Both know &lt;chess&gt; in 41\N{NO-BREAK SPACE}% of cases." in text
    assert "Not said: nothing of rivers." in words and "How to read it." in words
    assert re.search(r'<span class="hue" title="rook">Gemma-3-270M #999</span>', text)  # no card shows it
    assert "Shared conceptual anchors" in words
    assert 'href="#c1-words"' in text


def test_a_language_models_words_stand_below_with_what_was_dropped(make: Make) -> None:
    study = make()
    with_words(study, by_model=True)
    _, words = page_of(study)
    assert "Chess, says it." in words
    assert "2 claims of it that rested on nothing are left out" in words


def test_new_words_make_the_page_stale(make: Make) -> None:
    from samedream.errors import StaleArtifactError

    study = make()
    run(study, ReportConfig())
    with_words(study)
    with pytest.raises(StaleArtifactError, match="labelled"):
        run(study, ReportConfig())


def test_transfer_and_judge_are_tables_on_the_page_and_in_the_terminal(make: Make) -> None:
    study = make()
    with_words(study)
    _, words = page_of(study)
    sentence = "A match’s label keeps 80 % of what a feature’s own label tells on passages that neither was made from"
    assert sentence in words.replace("\N{NO-BREAK SPACE}", " ")
    assert "A third model that sees passages alone picks the match among four in 60" in words
    lines = "".join(line for line, _ in printed(study)).replace("\N{NO-BREAK SPACE}", " ")
    assert sentence in lines


def test_what_cannot_be_told_is_said() -> None:
    tables = labelled_tables({"transfer": transfer(None)}, NAMES)
    assert [table.key for table in tables] == ["transfer"]
    assert tables[0].gap == "too few matched features whose own labels do better than other labels"
    empty = labelled_tables({"transfer": transfer(), "judge": {"chance": 0.25, "embedding": None, "llm": None}}, NAMES)
    assert "cannot tell" in empty[1].title and empty[1].gap
    assert labelled_tables(None, NAMES) == []


def test_trust_puts_the_score_of_the_badge_first() -> None:
    row = {"badge": "fair", "headline": "rule", "rule": 0.7, "embedding": 0.6, "label_source": "llm", "detection": None}
    found = trust(row)
    assert found is not None
    assert [score.words for score in found.scores] == ["by its words", "by its meaning"]
    assert found.source == "a language model"
    assert trust({"badge": None}) is None and trust({}) is None
