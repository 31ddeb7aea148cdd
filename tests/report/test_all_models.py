"""Three models and more on the page and in the terminal, and what the terminal prints of two."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.report.small_study import MODELS, around
from tests.report.test_measured import summary as figures
from tests.report.test_page import read, said

from samedream import artifacts
from samedream.errors import StaleArtifactError
from samedream.report.config import ReportConfig
from samedream.report.printed import printed
from samedream.report.run import run

Make = Callable[..., Path]
NAMES = ("One", "Two", "Three")
PICTURE = b"<svg/>"


def whole() -> dict[str, Any]:
    share = {"all": 0.25, "some": 0.5, "only_here": 0.25}
    known = {"stable": {"count": 40, "share": share}, "bounds": {"all": [0.1, 0.6], "only_here": [0.0, 0.3]}}
    return {
        "models": list(NAMES),
        "found": {"One": known, "Two": {"stable": None, "bounds": None}, "Three": known},
        "concepts": {"count": 1234, "in_all": 7},
        "normalised": {
            row: {column: around(0.61, 0.04) for column in NAMES if column != row}
            | ({"Two": None} if row == "One" else {})
            for row in NAMES
        },
        "tree": None,
        "notes": ["Keep this in mind."],
    }


def write_all(study: Path, *, inputs: dict[str, str] | None = None) -> None:
    directory = study / "comparison" / "all"
    pairs = sorted((study / "comparison").glob("*--*"))
    made_from = {pair.name: artifacts.require_manifest(pair).fingerprint() for pair in pairs}
    directory.mkdir()
    (directory / "models.svg").write_bytes(PICTURE)
    artifacts.write_json(directory / "summary.json", whole())
    files = [directory / "models.svg", directory / "summary.json"]
    artifacts.finish(directory, "comparison", {}, inputs=inputs or made_from, counts={}, files=files)


def test_the_page_has_the_picture_and_tables_of_all_models(make: Make) -> None:
    study = make(models=NAMES)
    write_all(study)
    _, tree = read(run(study, ReportConfig()))
    words = said(tree)
    assert tree.loads == ["data:image/svg+xml;base64," + base64.b64encode(PICTURE).decode()]
    assert "7 concepts are in all 3 models, 1,234 in two or more" in words
    assert "features of Two .61 [.57–.65] 1 its own repeat .61 [.57–.65]" in words
    assert "features of One 1 its own repeat – .61" in words
    assert "One 40 stable features 25 % possible: 10 % to 60 % 50 % 25 % possible: 0 % to 30 %" in words
    assert "Two – – –" in words and "Keep this in mind." in words
    assert "../comparison/all/summary.json" in tree.links
    assert len(tree.ids) == len(set(tree.ids))


def test_what_was_made_from_other_comparisons_is_not_shown(make: Make) -> None:
    study = make(models=NAMES)
    write_all(study, inputs={"One--Two": "another"})
    text, tree = read(run(study, ReportConfig()))
    assert tree.loads == [] and 'id="all"' not in text
    assert not [sentence for sentence, _ in printed(study) if "concepts" in sentence]


def test_a_page_from_before_all_was_made_is_stale(make: Make) -> None:
    study = make(models=NAMES)
    run(study, ReportConfig())
    write_all(study)
    with pytest.raises(StaleArtifactError, match="comparison/all"):
        run(study, ReportConfig())


def with_figures(study: Path) -> Path:
    for path in (study / "comparison").glob("*--*/summary.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | figures() | {"verdict": "They do."}))
    return study


def test_the_terminal_shows_every_table_of_two_models(make: Make) -> None:
    found = list(printed(with_figures(make())))
    assert found[0] == ("\nThey do.", [])
    (rows,) = [rows for sentence, rows in found if sentence.startswith("\nMore alike than random twins")]
    assert rows[0] == {
        "": "  CKA",
        "hidden states": ".70 [.68–.72] (floor .45, ceiling .85)",
        "plain features": ".30 [.28–.32] (floor .45, ceiling .85)",
    }
    (rows,) = [rows for sentence, rows in found if "nearly a single word" in sentence]
    assert list(rows[0]) == ["", f"{MODELS[0]} in {MODELS[1]}", f"{MODELS[1]} in {MODELS[0]}"]
    assert len(found) == 10


def test_the_terminal_shows_the_matrix_and_a_line_for_each_table_of_more_models(make: Make) -> None:
    study = with_figures(make(models=NAMES))
    write_all(study)
    (_, matrix), (concepts, _), *pairs = printed(study)
    assert matrix[0] == {
        "features of": "One",
        "in One": "1 (own repeat)",
        "in Two": "cannot tell",
        "in Three": "0.61 [0.57–0.65]",
    }
    assert concepts == "concepts in all 3 models: 7"
    assert [rows for _, rows in pairs] == [[]] * 30
    assert [sentence.startswith("- ") for sentence, _ in pairs] == ([False] + [True] * 9) * 3


def test_the_terminal_has_the_verdict_alone_where_nothing_else_was_measured(make: Make) -> None:
    study = make()
    verdict = json.loads((study / "comparison" / "smollm2-135m--gemma-3-270m" / "summary.json").read_text())["verdict"]
    assert list(printed(study)) == [(f"\n{verdict}", [])]


def test_the_terminal_gives_the_reason_of_what_is_missing(make: Make) -> None:
    study = with_figures(make())
    (path,) = (study / "comparison").glob("*--*/summary.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crosscoder": {"share": None, "reason": "too little"}}))
    sentence = "\nA second opinion, from one dictionary of both models: cannot tell (too little)"
    assert (sentence, []) in list(printed(study))
