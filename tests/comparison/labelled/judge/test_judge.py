"""The blind judge with planted pairs: who knows, who guesses, who is biased, who fails; and what is shown to them."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import sparse
from tests.comparison.labelled.judge.judging import Coin, Fails, First, Reads, groups
from tests.comparison.labelled.judge.planted_pairs import CONFIG, PASSAGES, SHARED, Pair

from samedream.comparison.activity import prepare
from samedream.comparison.labelled.judge.cases import FEWEST, OPTIONS, SHOWN, Case, draw_case, ground
from samedream.comparison.labelled.judge.figures import _bins
from samedream.comparison.labelled.judge.judge import ASKED, JUDGES, SCHEMA, judge
from samedream.comparison.labelled.judge.judges import by_asking, by_embedding
from samedream.comparison.labelled.judge.readers import Reader
from samedream.comparison.labelled.judge.rivals import alike, nearest
from samedream.labels.language.question import Reply

PAIR = Pair()
EMPTY = np.zeros(0, np.uint32)
WAYS = ("a_to_b", "b_to_a")


def judged(ask=None, pair=PAIR, embedding=True, **changed):
    given = {"readers": pair.readers, "matches": pair.matches, "ground": pair.ground} | changed
    return judge(**given, texts=pair.texts, embedding=pair.embedding if embedding else None, ask=ask, seed=0)


def shares(found, judge, negatives="correlation"):
    part = found.summary[judge]["negatives"][negatives]
    return {name: [part[way][name] for way in WAYS] for name in ("matched", "unmatched", "repeat")}


@pytest.fixture(scope="module")
def read():
    return judged(Reads())


def test_who_reads_knows_the_match(read):
    for name in JUDGES:
        found = shares(read, name)
        for one in (*found["matched"], *found["repeat"]):
            assert one["value"] > 0.95
            assert one["value"] - 0.2 < one["low"] < one["value"]
    assert [one["cases"] for one in shares(read, "embedding")["matched"]] == [SHARED] * 2
    assert [one["cases"] for one in shares(read, "llm")["matched"]] == [ASKED] * 2
    unmatched = [one["value"] for one in shares(read, "embedding")["unmatched"]]
    assert max(unmatched) < 0.75  # ten cases each, nothing to know


def test_always_the_first_is_right_once_in_four():
    found = judged(First())
    for one in (*shares(found, "llm")["matched"], *shares(found, "llm")["repeat"]):
        assert one["value"] == 0.25
    questions = sum(found.summary["llm"]["places"])
    assert found.summary["llm"]["places"] == [questions, 0, 0, 0]
    assert found.summary["llm"]["answers"] == {"ok": questions, "failed": 0, "not asked": 0}


def test_a_coin_is_right_as_often_as_chance():
    found = judged(Coin())
    right = np.array([value for value in found.table["llm"].to_pylist() if value is not None])
    assert right.mean() == pytest.approx(0.25, abs=0.04)  # some 900 answers
    for one in (*shares(found, "llm")["matched"], *shares(found, "llm")["repeat"]):
        assert one["low"] < 0.25 < one["high"]


def test_with_a_twin_the_judge_has_nothing_to_know():
    found = judged(readers=PAIR.readers | PAIR.twins)
    rows = [row for row in found.table.to_pylist() if row["kind"] == "twin" and row["passes"]]
    assert len(rows) > 4 * SHARED - 10 and {row["is_partner"] for row in rows} == {None}
    assert np.mean([row["embedding"] for row in rows]) == pytest.approx(0.25, abs=0.12)  # 3 standard deviations
    for way in WAYS:
        part = found.summary["embedding"]["negatives"]["correlation"][way]
        assert part["twin"]["high"] < part["matched"]["low"]
    assert judged().summary["embedding"]["negatives"]["correlation"]["a_to_b"]["twin"] is None


def test_a_twin_or_repeat_that_fires_nowhere_is_left_out():
    silent = Reader(prepare(sparse.csr_array((PASSAGES, 40), dtype=np.float32), "silent", CONFIG), (EMPTY, EMPTY))
    found = judged(readers=PAIR.readers | {"left_floor": silent, "right_repeat": silent})
    assert [(lot["side"], lot["kind"]) for lot in found.summary["lots"][::2]] == [
        ("a", "match"),
        ("b", "match"),
        ("a", "repeat"),
    ]


def test_a_smaller_number_may_be_asked_about():
    reads = Reads()
    found = judge(PAIR.readers, PAIR.matches, PAIR.ground, texts=PAIR.texts, embedding=None, ask=reads, seed=0, most=2)
    rows = [row for row in found.table.to_pylist() if row["llm"] is not None]
    assert [sum(row["passes"] == kind for row in rows) for kind in (True, False)] == [
        8,
        2,
    ]  # four lots; a repeat passes
    assert len(reads.asked) == 40


def test_failures_are_counted_and_left_out():
    found = judged(Fails(Reads()))
    answers = found.summary["llm"]["answers"]
    assert answers["ok"] == answers["failed"] > 0
    assert all(one["value"] > 0.95 for one in shares(found, "llm")["matched"])
    nothing = judged(Fails(), embedding=False)
    assert set(nothing.table["llm"].to_pylist()) == {None}
    assert nothing.summary["llm"]["negatives"] == {"correlation": None, "meaning": None}
    assert nothing.summary["llm"]["answers"]["ok"] == 0
    assert "Too few matches were judged" in nothing.picture


def test_strengths_beyond_the_bins_have_a_place():
    found = _bins((np.array([1.0] * 10 + [-0.1] * 10), np.array([1.0] * 10 + [0.0] * 9 + [1.0])))
    assert [(one["r"], one["value"]) for one in found] == [(pytest.approx(-0.1), 0.1), (1.0, 1.0)]


def test_without_a_judge_there_is_no_picture_and_without_a_repeat_no_ceiling():
    found = judged(embedding=False)
    assert (found.picture, found.summary["embedding"], found.summary["llm"]) == (None, None, None)
    assert set(found.table["negatives"].to_pylist()) == {"correlation"}
    alone = judged(readers={name: PAIR.readers[name] for name in ("left", "right")})
    assert shares(alone, "embedding")["repeat"] == [None, None]
    assert [lot["kind"] for lot in alone.summary["lots"]] == ["match"] * 4


def test_the_two_sides_share_no_article_and_no_option_a_passage(read):
    for row in read.table.to_pylist():
        own, shown = row["own"], [passage for one in row["shown"] for passage in one]
        assert not {PAIR.article[p] for p in own} & {PAIR.article[p] for p in shown}
        assert len(set(shown)) == len(shown)
        assert all(PAIR.held_out[p] for p in (*own, *shown))
        assert all(FEWEST <= len(one) <= SHOWN for one in (own, *row["shown"]))
        assert len(set(row["options"])) == OPTIONS
        reader = PAIR.readers["left" if row["side"] == "a" else "right"]
        assert all(reader.activity.raw[p, row["feature"]] > 0 for p in own)


def test_nothing_that_is_shown_has_a_part_in_who_is_asked_about(read):
    """Other passages in the score fold: the same matches and negatives."""
    other, fold = Pair(seed=1), Pair()
    for name, reader in fold.readers.items():
        matrix = reader.activity.matrix.tolil()
        matrix[fold.held_out] = other.readers[name].activity.matrix[fold.held_out]
        object.__setattr__(reader.activity, "matrix", matrix.tocsr())
        raw = reader.activity.raw.tolil()
        raw[fold.held_out] = other.readers[name].activity.raw[fold.held_out]
        object.__setattr__(reader.activity, "raw", raw.tocsr())
    choosing = PAIR.ground.choosing
    for one, two in (("left", "right"), ("right", "left_repeat")):
        here, there = (PAIR.readers[name].activity for name in (one, two))
        mixed_here, mixed_there = (fold.readers[name].activity for name in (one, two))
        found = nearest(here, there, choosing)
        assert np.array_equal(found, nearest(mixed_here, mixed_there, choosing))
        near = alike(there, found, choosing, embedding=PAIR.embedding, seed=0)
        again = alike(mixed_there, found, choosing, embedding=PAIR.embedding, seed=0)
        assert all(map(np.array_equal, near, again))


def test_negatives_by_correlation_are_the_next_best(read):
    rows = PAIR.ground.choosing
    left, right = (PAIR.readers[name].activity.matrix[rows].toarray() for name in ("left", "right"))
    r = np.corrcoef(left.T, right.T)[:40, 40:]
    found = nearest(PAIR.readers["left"].activity, PAIR.readers["right"].activity, rows)
    slow = np.argsort(-r, axis=1)[:, :12]
    assert (found == slow).mean() > 0.99  # float32 against float64
    assert np.array_equal(found[:SHARED, 0], np.arange(SHARED))


def test_negatives_by_meaning_are_none_of_the_nearest(read):
    there = PAIR.readers["right"].activity
    found = nearest(PAIR.readers["left"].activity, there, PAIR.ground.choosing)
    for candidates, others in zip(
        found, alike(there, found, PAIR.ground.choosing, embedding=PAIR.embedding, seed=0), strict=True
    ):
        assert not set(candidates) & set(others)
        assert len(set(others)) == len(others) <= 24


def test_questions_hold_passages_and_nothing_else():
    reads = Reads()
    found = judged(reads)
    rows = [row for row in found.table.to_pylist() if row["llm"] is not None]
    assert len(reads.asked) == 4 * len(rows)
    for question in reads.asked:
        rest = re.sub(r"^- .*$", "", question.user, flags=re.M)
        assert rest.split() == ["Passages:", *(word for i in range(1, 5) for word in ("Group", f"{i}:"))]
        assert all(len(re.findall("<<word..>>", text)) == 1 for part in groups(question) for text in part)
    first = reads.asked[:4]
    assert len({question.user for question in first}) == 4
    match = {tuple(sorted(part)) for question in first for part in groups(question)[1:]}
    assert len(match) == 4  # the same four groups
    places = [[tuple(sorted(part)) for part in groups(question)[1:]] for question in first]
    assert all(len({place[i] for place in places}) == 4 for i in range(4))  # each once at each place


def test_the_embedder_takes_the_nearest_mean_and_shares_equals():
    embedding = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0], [0, -1], [0, 0]], np.float32)
    assert by_embedding([fake([0], [[1], [2], [3], [4]])], embedding).right.tolist() == [1.0]
    assert by_embedding([fake([0], [[1], [2], [3], [4]])], embedding + 7).right.tolist() == [1.0]
    assert by_embedding([fake([0], [[3], [2], [1], [4]])], embedding).right.tolist() == [0.0]
    assert by_embedding([fake([0], [[1], [1], [3], [4]])], embedding).right.tolist() == [0.5]


def own_passages():
    """Both halves alike: four features with four passages each."""
    return tuple([[half * 100 + 10 * f + i for i in range(4)] for f in range(4)] for half in (0, 1))


def fake(own, shown):
    return Case(0, (0, 1, 2, 3), tuple(own), tuple(map(tuple, shown)))


def test_who_has_too_few_passages_makes_no_case():
    assert draw_case(0, [0, 1, 2, 3], own=own_passages(), other=own_passages(), seed=0) is not None
    few = ([[1, 2], *own_passages()[0][1:]], [[1, 2], *own_passages()[1][1:]])
    assert draw_case(0, [0, 1, 2, 3], own=few, other=own_passages(), seed=0) is None
    assert draw_case(1, [0, 1, 2, 3], own=own_passages(), other=few, seed=0) is None  # the match itself
    assert draw_case(1, [1, 0, 2, 3], own=own_passages(), other=few, seed=0) is None  # two negatives are left
    same = tuple([half[0]] * 4 for half in own_passages())
    assert draw_case(0, [0, 1, 2, 3], own=own_passages(), other=same, seed=0) is None  # one passage each is left


def test_halves_share_no_article():
    found = ground(PAIR.article, PAIR.held_out, 3)
    first, second = (set(PAIR.article[rows]) for rows in found.halves)
    assert not first & second
    assert abs(len(first) - len(second)) <= 1
    assert set(np.concatenate([found.choosing, *found.halves])) == set(range(PASSAGES))


def test_the_same_again_and_another_draw(read):
    again = judged(Reads())
    assert again.table.equals(read.table) and again.summary == read.summary and again.picture == read.picture
    other = judge(PAIR.readers, PAIR.matches, PAIR.ground, texts=PAIR.texts, embedding=PAIR.embedding, ask=None, seed=1)
    assert not other.table.select(["own"]).equals(read.table.select(["own"]))


def test_table_and_picture(read):
    assert read.table.schema.equals(SCHEMA)
    for row in read.table.to_pylist():
        assert (row["is_partner"] is None) == (row["kind"] == "repeat")
        if row["kind"] == "match" and row["feature"] < SHARED:
            assert row["passes"] and row["is_partner"] and row["r"] == 0.85
    root = ElementTree.fromstring(read.picture)
    bins = [
        one
        for name in JUDGES
        for found in read.summary[name]["negatives"].values()
        for part in found["bins"].values()
        for one in part
    ]
    points = [e for e in root.iter() if e.tag.endswith(("circle", "rect")) and len(e)]
    assert len(points) == len(bins) + 2  # and the legend's
    assert "chance is 25 %" in root.attrib["aria-label"]


def test_an_answer_out_of_range_is_no_answer():
    replies = [{"group": 5}, {"group": True}, {}, {"group": "1"}]
    found = by_asking(
        lambda questions: [Reply("ok", value) for value in replies], [fake([0], [[1], [2], [3], [4]])], str_of
    )
    assert np.isnan(found.right).all() and found.places.tolist() == [0, 0, 0, 0]


def str_of(side, passage, feature):
    return f"{side} {passage} {feature}"
