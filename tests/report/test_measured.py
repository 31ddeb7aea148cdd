import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.report.small_study import MODELS, around, both
from tests.report.test_page import read, said

from samedream.report.config import ReportConfig
from samedream.report.measured import measured
from samedream.report.run import run
from samedream.report.tables import Table, cell

A, B = MODELS


def summary() -> dict[str, Any]:
    """Every section that the tables read, in the form of a real summary.json."""
    part = {"value": 0.61, "threshold": 0.02, "calibrated": around(0.6, 0.02)}
    dense = {
        **around(0.7, 0.02),
        "highest_floor": "twin of a to twin of b",
        "floors": {"a to twin of b": {"value": 0.1}, "twin of a to twin of b": {"value": 0.45}},
        "above_floor": around(0.25, 0.05),
        "ceilings": {"a": {**part, "value": 0.93}, "b": {**part, "value": 0.85}},
    }
    below = {**dense, **around(0.3, 0.02), "above_floor": around(-0.2, 0.05)}
    pointing = {"mean": 0.3, "null_mean": 0.001, "null_high": 0.004, "p": 0.01, "above_null": 0.9, "features": 60}
    words = {
        "floor": around(0.1, 0.01),
        "surface_share": around(0.27, 0.03),
        "explained": around(0.3, 0.01),
        "surviving": around(0.83, 0.02),
    }
    flag = {
        "corpus": 0.22,
        "matched": around(0.26, 0.03),
        "unmatched": around(0.28, 0.03),
        "lift": around(1.17, 0.03),
        "lift_unmatched": around(1.25, 0.05),
    }
    ways = ("a_to_b", "b_to_a")
    return {
        "shared_fraction": both(0.57, 0.76, 0.1),
        "shared_over_twins": both(0.87, 0.84, 0.05),
        "universality": both(0.38, 0.35, 0.02),
        "floor": both(0.06, 0.07, 0.01),
        "floor_frozen": {"a_to_b": around(0.12, 0.01), "b_to_a": None},
        "structure": {
            "assigned": {"pairs": 546, "mean_r": 0.56, "share": {"a": 0.237, "b": 0.213}},
            "a": {"split": 23, "parts": 46, "split_in_twin": 0, "r2_1": 0.31, "r2_8": 0.36, "splitting_gain": 0.05},
            "b": {"split": 33, "parts": 61, "split_in_twin": None, "r2_1": None, "r2_8": None, "splitting_gain": None},
        },
        "sharing": {
            "words": {"vocabulary": 871, **dict.fromkeys(ways, words)},
            "topics": {way: {"largest_drop": {"topic": "Geography", "drop": around(0.0062, 0.002)}} for way in ways},
            "within_topic": {
                way: {"explained": around(0.11, 0.01), "explained_by_any_shuffle": 0.001, "surviving": around(0.9, 0.1)}
                for way in ways
            },
            "flags": {way: {"dates": flag, "any of the three": flag, "acronyms": None} for way in ways},
            "missing": {},
        },
        "dense": {
            "measures": {"cka": {"states": dense, "features": below}, "cca": {"states": dense, "features": None}},
            "notes": [],
        },
        "decoder_cosine": {
            way: {
                "all": {**pointing, "mean": 0.11},
                "passing": pointing,
                "floors": {"to twin": {**pointing, "mean": 0.02}, "twin to twin": None},
                "map_r_squared": 0.59,
            }
            for way in ways
        },
        "crosscoder": {
            "share": {"a": 0.9, "b": 0.7},
            "spread": {"a": [0.85, 0.95], "b": [0.65, 0.75]},
            "agrees": {"a": False, "b": True},
            "counts": {"shared": 785, "only_a": 4, "only_b": 5, "mixed": 2, "cannot_tell": 13},
            "floor": {"share": {"a": 0.48, "b": 0.47}},
            "dictionaries": 4,
            "latents": 200,
            "reason": None,
        },
        "embedding_similarity": dict.fromkeys(ways, {"matched": 0.57, "random": 0.0, "own": 0.62}),
    }


def tables(**changes: Any) -> dict[str, Table]:
    return {table.key: table for table in measured(summary() | changes, MODELS)}


def texts(table: Table) -> dict[str, list[str]]:
    return {line.words: [f"{one.text} {one.ends} {one.note}".strip() for one in line.cells] for line in table.lines}


def test_each_table_says_in_its_title_what_to_see() -> None:
    assert {key: table.title for key, table in tables().items()} == {
        "assumptions": "Under a weaker assumption they would share 87\N{NO-BREAK SPACE}% and 84\N{NO-BREAK SPACE}%",
        "floors": "Match strength is .38 and .35; single words alone give .10",
        "structure": "546 pairs one to one; 23 and 33 features in parts on the other side",
        "words": "27\N{NO-BREAK SPACE}% of the matches are nearly a single word",
        "boilerplate": "Sports, dates and acronyms have 1.17 times their share of the matched features’ activity; "
        "of the others’ 1.25",
        "spaces": "More alike than random twins by 2 of 2 measures on hidden states; "
        "by 0 of 1 measures on plain features",
        "second": f"A second opinion, one dictionary trained on both models: it finds more of {A} and agrees on {B}",
        "directions": "Matched features point the way of their partners by .30 of 1; by chance up to .00",
        "meaning": "Matched features have passages alike in meaning by .57 of 1; random features by .00",
    }


def test_figures_stand_with_their_interval_and_beside_their_yardsticks() -> None:
    found = tables()
    cka = texts(found["spaces"])["CKA"]
    assert cka == [
        ".70 [.68–.72] floor .45, ceiling .85",
        ".30 [.28–.32] floor .45, ceiling .85",
    ]
    (states, _) = found["spaces"].lines[0].cells
    assert states.ticks == (45.0, 85.0) and states.mark and (states.mark.low, states.mark.at) == (68.0, 70.0)
    words = texts(found["words"])
    assert words["the topic that matters most"][0] == "0.0062 [0.0042–0.0082] without “Geography”"
    assert words["matches that are nearly a word"][0] == "27\N{NO-BREAK SPACE}% [24–30\N{NO-BREAK SPACE}%]"
    assert "the same among matches with its own repeat" not in words  # the summary has no such figure
    floors = texts(found["floors"])
    assert floors["with random directions in the other model"] == [".12 [.11–.13]", "–"]
    assert floors["with single words"] == [".10 [.09–.11]"] * 2
    structure = texts(found["structure"])
    assert structure["features the other has in parts"] == ["23", "33"]
    assert structure["the same in the other’s random twin"] == ["0", "–"]
    assert structure["explained by the nearest feature alone"] == ["31\N{NO-BREAK SPACE}%", "–"]
    dates = texts(found["boilerplate"])["dates"]
    assert [one.split("\N{NO-BREAK SPACE}")[0] for one in dates] == ["22", "26", "28", "26", "28"]
    assert list(texts(found["boilerplate"])) == ["dates", "any of the three"]
    assert texts(found["directions"])["features that pass, to their partners"][0] == ".30  by chance up to .00"
    second = texts(found["second"])
    assert second["the crosscoder"] == ["90\N{NO-BREAK SPACE}% [85–95\N{NO-BREAK SPACE}%]"] + [
        "70\N{NO-BREAK SPACE}% [65–75\N{NO-BREAK SPACE}%]"
    ]
    assert f"785 both models see it, and each alone tells when it fires; 4 only {A}’s; 5 only {B}’s" in (
        found["second"].caption
    )


@pytest.mark.parametrize(
    ("key", "value", "table", "gap"),
    [
        ("universality", {"a_to_b": None, "b_to_a": None}, "floors", "too few features"),
        ("structure", None, "structure", "no feature fires often enough"),
        ("shared_over_twins", {"a_to_b": None, "b_to_a": None}, "assumptions", "it needs random twins"),
        ("dense", None, "spaces", "too few passages have hidden states of all sides, or it was left out"),
        ("crosscoder", {"share": None, "reason": "12 passages"}, "second", "12 passages"),
        ("decoder_cosine", {"a_to_b": None, "b_to_a": None}, "directions", "it needs the mean hidden states"),
        ("embedding_similarity", {"a_to_b": None, "b_to_a": None}, "meaning", "it needs an embedding"),
        (
            "sharing",
            {"words": None, "topics": None, "within_topic": None, "missing": {"words": "no words known"}},
            "words",
            "no words known",
        ),
        ("sharing", {"flags": None, "missing": {"flags": "none were marked"}}, "boilerplate", "none were marked"),
    ],
)
def test_what_is_missing_has_its_reason_and_no_figure(key: str, value: Any, table: str, gap: str) -> None:
    found = tables(**{key: value})[table]
    assert found.gap.startswith(gap)
    assert found.lines == () and "cannot tell" in found.title


def test_an_older_summary_has_no_such_tables_or_says_that_it_is_older() -> None:
    assert measured({"shared_fraction": both(0.5, 0.5, 0.1)}, MODELS) == []
    old = summary()
    del old["crosscoder"], old["sharing"]
    found = {table.key: table for table in measured(old, MODELS)}
    for key in ("second", "words", "boilerplate"):
        assert found[key].gap.startswith("the comparison was made by a version that did not measure it")


def holes(value: Any) -> list[Any]:
    """The value with each of its parts replaced by None, one at a time."""
    if not isinstance(value, dict):
        return []
    found = []
    for key, part in value.items():
        for hole in [None, *holes(part)]:
            found.append(copy.copy(value) | {key: hole})
    return found


def test_any_part_may_be_missing() -> None:
    for damaged in holes(summary()):
        for table in measured(damaged, MODELS):
            assert table.gap or table.lines
            for line in table.lines:
                assert len(line.cells) == len(table.columns)


def test_the_tables_stand_on_the_page_and_stay_text(make: Callable[..., Path]) -> None:
    study = make()
    (path,) = (study / "comparison").glob("*--*/summary.json")
    found = summary()
    found["sharing"]["topics"]["a_to_b"]["largest_drop"]["topic"] = "<script>"
    found["embedding_similarity"] = {"a_to_b": None, "b_to_a": None}
    path.write_text(json.dumps(json.loads(path.read_text()) | found))
    text, tree = read(run(study, ReportConfig()))
    words = said(tree)
    assert "What else was measured" in words and "#c1-more" in tree.links
    assert "CKA how alike the two maps of passages are" in words
    assert ".70 [.68–.72] floor .45, ceiling .85" in words
    assert "Whether matched features mean the same: cannot tell Why: it needs an embedding of the passages" in words
    assert tree.scripts == 1 and "without “<script>”" in words
    assert 'id="c1-more-spaces"' in text


def test_a_page_of_an_older_study_has_no_such_section(make: Callable[..., Path]) -> None:
    text, _ = read(run(make(), ReportConfig()))
    assert "What else was measured" not in text


def test_a_cell_of_nothing_is_a_dash() -> None:
    assert cell(None).text == "–" and cell({"value": None}).mark is None and cell(float("nan")).mark is None
    assert cell(-0.2).mark == cell(-0.2).mark and cell(-0.2).text == "−.20"
    assert cell(1.4, ticks=[None, 0.5]).ticks == (50.0,)
