import numpy as np
import pyarrow.compute as pc
import pytest
from scipy import sparse

from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.errors import ComparisonError

QUICK = ComparisonConfig(permutations=20)
EACH = 30  # features of each kind
KINDS = ("word", "topic", "concept", "local", "private")  # local: a concept that only topic 0 has


@pytest.fixture(scope="module")
def world():
    """Two dictionaries of five kinds of features in the same order, and the context they were made from."""
    rng = np.random.default_rng(7)
    article = np.repeat(np.arange(700), rng.choice([1, 2, 3], size=700))
    n, topic = article.size, rng.integers(0, 5, size=700)[article]
    words = (rng.random((n, 60)) < rng.uniform(0.05, 0.3, size=60)).astype(np.float32)
    concept = (rng.random((700, EACH)) < 0.15)[article]
    local = (rng.random((700, EACH)) < 0.3)[article] & (topic == 0)[:, None]

    def dictionary():
        follows = np.where(topic[:, None] == np.arange(EACH) % 5, 0.7, 0.03)
        fires = {
            "word": words[:, :EACH] > 0,
            "topic": rng.random((n, EACH)) < follows,
            "concept": concept,
            "local": local,
            "private": (rng.random((700, EACH)) < 0.15)[article],
        }
        strength = np.concatenate([fires[kind] for kind in KINDS], axis=1)
        seen = strength & (rng.random(strength.shape) < 0.9)
        return sparse.csr_array((seen * rng.lognormal(0, 0.3, size=seen.shape)).astype(np.float32))

    context = Context(
        topics=topic,
        topic_names=("zero", "one", "two", "three", "four"),
        words=sparse.csr_array(words),
        word_names=tuple(f"word{i}" for i in range(60)),
        flags={"dates": topic == 0, "sports and competitions": article % 7 == 0, "acronyms": np.zeros(n, bool)},
    )
    return dictionary(), dictionary(), article, context


@pytest.fixture(scope="module")
def found(world):
    left, right, article, context = world
    return compare(left, right, article, QUICK, context=context)


def _kind(found, column, kind, side="a"):
    rows = found.matches.filter(pc.equal(found.matches["side"], side))
    start = KINDS.index(kind) * EACH
    return rows[column].to_pylist()[start : start + EACH]


def test_features_that_are_words_are_explained_by_them_and_others_are_not(found):
    for side in ("a", "b"):
        assert _kind(found, "word", "word", side) == [f"word{i}" for i in range(EACH)]
        r = {kind: np.array(_kind(found, "r", kind, side)) for kind in KINDS}
        word = {kind: np.array(_kind(found, "word_r", kind, side)) for kind in KINDS}
        without = {kind: np.array(_kind(found, "r_without_words", kind, side)) for kind in KINDS}
        assert (word["word"] >= 0.8 * r["word"]).all()
        assert np.abs(without["word"]).max() < 0.2
        for kind in ("topic", "concept", "local", "private"):
            assert (word[kind] < 0.2).all()
            assert np.abs(without[kind] - r[kind]).max() < 0.1
    for way in ("a_to_b", "b_to_a"):
        words = found.sharing["words"][way]
        assert words["surface_share"].value == pytest.approx(EACH / (4 * EACH), abs=0.03)
        assert words["surviving"].value == pytest.approx(1 - EACH / (4 * EACH), abs=0.05)
        assert words["explained"].low > 0.1
        assert abs(words["explained_by_others_words"].value) < 0.02
        assert words["universality_without_words"].high < getattr(found.universality, way).low
        assert words["floor"].value == pytest.approx(0.2 * 0.75, abs=0.05)
        assert words["mean_word_r"]["matched"] > words["mean_word_r"]["unmatched"] + 0.1
        assert words["surface_share_repeat"] is None
    assert found.sharing["words"]["vocabulary"] == 60


def test_topic_only_features_fail_within_topics_and_the_others_survive(found):
    for side, way in (("a", "a_to_b"), ("b", "b_to_a")):
        beyond = found.sharing["within_topic"][way]
        assert beyond["matches"] == pytest.approx(4 * EACH, abs=3)
        truth = 3 * EACH / beyond["matches"]  # all but those of topics and what matches by chance
        assert beyond["surviving"].value == pytest.approx(truth, abs=0.03)
        assert beyond["surviving"].low <= truth <= beyond["surviving"].high
        assert beyond["above_95"].value == pytest.approx(truth + 0.05 * (1 - truth), abs=0.05)
        assert abs(beyond["explained_by_any_shuffle"]) < 0.03
        topic_r, r = (np.array(_kind(found, column, "topic", side)) for column in ("topic_r", "r"))
        assert np.abs(topic_r - r).max() < 0.15
        assert np.abs(_kind(found, "topic_r", "concept", side)).max() < 0.15
        assert _kind(found, "topic_r", "private", side).count(None) >= EACH - 3


def test_a_topic_that_holds_much_of_the_sharing_is_named(found):
    for way in ("a_to_b", "b_to_a"):
        topics = found.sharing["topics"][way]
        assert topics["largest_drop"]["topic"] == "zero"
        rows = {row["topic"]: row for row in topics["by_topic"]}
        assert rows["zero"]["drop"].low > 0.05
        assert all(row["drop"].high < 0.05 for topic, row in rows.items() if topic != "zero")
        for row in rows.values():
            whole = getattr(found.universality, way).value
            assert row["universality_left_out"].value == pytest.approx(whole - row["drop"].value)
        assert rows["zero"]["lift"].low > 1.5
        assert rows["zero"]["lift_unmatched"].low < 1.0 < rows["zero"]["lift_unmatched"].high
        assert sum(row["corpus"] for row in rows.values()) == pytest.approx(1.0)
        assert sum(row["matched"].value for row in rows.values()) == pytest.approx(1.0)
        assert topics["gini"].low > topics["gini_unmatched"].high
        flags = found.sharing["flags"][way]
        assert flags["dates"]["drop"].value == pytest.approx(rows["zero"]["drop"].value)
        assert flags["dates"]["lift"].value == pytest.approx(rows["zero"]["lift"].value)
        assert flags["acronyms"] is None
        assert abs(flags["sports and competitions"]["drop"].value) < 0.02
        assert flags["any of the three"]["corpus"] > flags["dates"]["corpus"]


def test_macro_universality_is_the_mean_over_topics(found):
    topics = found.sharing["topics"]["a_to_b"]
    values = [row["universality"].value for row in topics["by_topic"]]
    assert topics["macro_universality"].value == pytest.approx(np.mean(values))


def test_what_the_context_lacks_is_none_with_its_reason(world):
    left, right, article, context = world
    bare = compare(left, right, article, QUICK)
    assert bare.sharing == {
        "words": None,
        "topics": None,
        "within_topic": None,
        "flags": None,
        "missing": {
            "words": "the words of the passages are not known",
            "topics": "the topics of the passages are not known",
            "within_topic": "the topics of the passages are not known",
            "flags": "no kinds of boilerplate were marked",
        },
    }
    assert bare.matches["word"].null_count == bare.matches["topic_r"].null_count == bare.matches.num_rows
    one = compare(
        left, right, article, QUICK, context=Context(topics=np.zeros(article.size, int), topic_names=("all",))
    )
    assert one.sharing["missing"]["topics"] == "all passages are of one topic"
    empty = Context(words=sparse.csr_array((article.size, 0), dtype=np.float32))
    assert (
        compare(left, right, article, QUICK, context=empty).sharing["missing"]["words"] == "the passages have no words"
    )


def test_nothing_matched_gives_no_figures_of_matches(world):
    left, right, article, context = world
    rng = np.random.default_rng(0)
    nothing = compare(left, right[rng.permutation(article.size)], article, QUICK, context=context)
    assert max(nothing.pass_share.values()) == 0.0
    words, beyond = nothing.sharing["words"]["a_to_b"], nothing.sharing["within_topic"]["a_to_b"]
    assert words["surface_share"] is words["explained"] is words["surviving"] is words["mean_r"]["matched"] is None
    assert beyond is None
    row = nothing.sharing["topics"]["a_to_b"]["by_topic"][0]
    assert row["matched"] is row["lift"] is None
    assert row["unmatched"] is not None


def test_a_context_of_other_passages_is_refused(world):
    left, right, article, context = world
    with pytest.raises(ComparisonError) as error:
        compare(left, right, article, QUICK, context=Context(flags={"dates": np.zeros(3, bool)}))
    assert str(error.value) == (
        f"context: dates has shape [3], expected [{article.size}]: a row for each passage, in the same order as left's"
    )
