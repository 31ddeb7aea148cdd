import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from tests.report.test_page import read, said

from samedream.report.config import ReportConfig
from samedream.report.pairs import Match, Pair, match
from samedream.report.reading import Model
from samedream.report.relations import Relation, Relative, related, relations
from samedream.report.run import run


def row(side: str, feature: int, partner: int, kind: str = "split", q: float = 0.01, **more: Any) -> Match:
    return Match(side, feature, partner, 0.5, 0.5, 0.5, 0.5, 0.1, q, None, None, None, kind, **more)


def models(*labels: dict[int, str]) -> tuple[Model, Model]:
    a, b = (
        SimpleNamespace(features={number: SimpleNamespace(label=label) for number, label in of.items()})
        for of in labels
    )
    return cast(Model, a), cast(Model, b)


SEEN = row("a", 3, 7, children=(7, 9), assigned=9)
BACK = row("b", 7, 3, "merge", parents=(3,), assigned=3)


def test_relations_say_whose_parts_are_where() -> None:
    found = relations(Pair(3, 7, SEEN, BACK), models({3: "chess"}, {7: "openings"}), ("A", "B"), {(1, 9): "c1-best-4"})
    assert found == (
        Relation("B has A’s feature in parts", 1, (Relative("openings", ""), Relative("feature 9", "c1-best-4"))),
        Relation("one to one, A’s feature goes to", 1, (Relative("feature 9", "c1-best-4"),)),
        Relation("B’s feature is a part of A’s", 0, (Relative("chess", ""),)),
    )


def test_a_feature_without_a_partner_does_not_tell_the_nearest_ones_relations() -> None:
    alone = row("a", 3, 7, "only here", 0.4)
    assert relations(Pair(3, 7, alone, BACK), models({}, {}), ("A", "B"), {}) == ()
    assert related([Pair(3, 7, alone, BACK)]) == (set(), set())
    assert related([Pair(3, 7, SEEN, BACK)]) == ({3}, {7, 9})


def test_a_row_of_an_older_comparison_has_none_of_the_later_columns() -> None:
    old = {"side": "a", "feature": 1, "partner": None, "class": "dead"} | dict.fromkeys(
        ("r", "r_first", "r_second", "score", "threshold", "q_value", "repeat_r", "repeat_score", "floor_r")
    )
    found = match(old)
    assert (found.assigned, found.children, found.word, found.word_r, found.decoder_cosine) == (
        None,
        (),
        "",
        None,
        None,
    )
    new = match(old | {"assigned": 4, "children": [4, 5], "word": "the", "word_r": float("nan"), "decoder_cosine": 0.2})
    assert (new.assigned, new.children, new.word, new.word_r, new.decoder_cosine) == (4, (4, 5), "the", None, 0.2)


def test_a_card_shows_parts_with_links_and_the_measures_beside_r(make: Callable[..., Path]) -> None:
    study = make()
    path = study / "comparison" / "smollm2-135m--gemma-3-270m" / "matches.parquet"
    rows = pq.read_table(path).to_pylist()
    pairs = [one for one in rows if one["side"] == "a" and one["class"] == "one-to-one"]
    first, second = sorted(pairs, key=lambda one: -one["r"])[:2]
    first |= {"children": [first["partner"], second["partner"]], "word": "<i>rook</i>", "word_r": 0.37}
    first |= {"embedding_similarity": 0.58, "decoder_cosine": -0.12, "assigned": first["partner"]}
    more = {name: [one.get(name) for one in rows] for name in ("children", "word", "word_r", "assigned")}
    more |= {name: [one.get(name) for one in rows] for name in ("embedding_similarity", "decoder_cosine")}
    table = pq.read_table(path)
    for name, values in more.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, path)
    text, tree = read(run(study, ReportConfig()))
    card = text[text.index('id="c1-best-1"') : text.index('id="c1-best-2"')]
    assert "Gemma-3-270M has SmolLM2-135M’s feature in parts" in card
    assert card.count('<a class="hue" href="#c1-best-2">') == 1  # the partner is on this very card: no link
    words = said(tree)
    assert "nearest word “<i>rook</i>” .37" in words
    assert "alike in meaning .58" in words and "point the same way −.12" in words
    assert "given to each other, one to one yes" in words
    assert json.loads((study / "report" / "manifest.json").read_text())["counts"]["pairs"] > 2
