from collections import Counter

import numpy as np
import pytest
from scipy import sparse

from samedream.labels.evidence import collect, label_fold
from samedream.labels.scores import trials as module
from samedream.labels.scores.traps import find_places, traps
from samedream.labels.scores.trials import GROUPS, OF_KIND, OF_STRATUM, draw_trials, score_fold
from samedream.records import Passage

ROWS, WIDTH = 400, 6


def study(rng, articles=ROWS):
    """Passages of random words, every third of the label fold, and activity of which feature 5 fires nowhere."""
    vocabulary = [f"w{i}" for i in range(30)]
    texts = [" ".join(rng.choice(vocabulary, 8)) for _ in range(ROWS)]
    article = rng.integers(0, articles, ROWS) if articles < ROWS else np.arange(ROWS)
    passages = [
        Passage(f"p{i}", f"a{a}", "", "", "text", "en", None, text, "label" if a % 3 == 0 else "score")
        for i, (a, text) in enumerate(zip(article, texts, strict=True))
    ]
    dense = rng.random((ROWS, WIDTH)) * (rng.random((ROWS, WIDTH)) < [0.02, 0.1, 0.3, 0.6, 0.99, 0.0])
    activity = sparse.csr_matrix(dense.astype(np.float32))
    start = rng.integers(0, 9, activity.nnz).astype(np.uint32)
    embedding = rng.standard_normal((ROWS, 12)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    return activity, (start, start + 2), passages, embedding


TRIGGERS = [["W1", "w2"], ["w3", "none"], [], ["w5"], ["w6"], ["w7"]]


def drawn(activity, peaks, passages, embedding, seed=0):
    rows = label_fold(passages)
    article = np.unique([passages[i].article_id for i in rows], return_inverse=True)[1].astype(np.int64)
    evidence = collect(activity, peaks, rows=rows, article=article, most=100)
    return draw_trials(activity, peaks, passages, evidence=evidence, embedding=embedding, triggers=TRIGGERS, seed=seed)


@pytest.fixture(scope="module")
def given():
    return study(np.random.default_rng(0), articles=300)


@pytest.fixture(scope="module")
def found(given):
    return drawn(*given)


def test_only_held_out_passages_and_one_of_an_article(given, found):
    passages = given[2]
    assert {passages[p].fold for p in found.passage} == {"score"}
    pairs = [(f, passages[p].article_id) for f, p in zip(found.feature, found.passage, strict=True)]
    assert len(set(pairs)) == len(pairs)


def test_positives_fire_and_negatives_are_silent(given, found):
    activity, peaks, _, _ = given
    dense = activity.toarray()
    assert np.array_equal(found.value, dense[found.passage, found.feature])
    assert np.array_equal(found.positive, found.value > 0)
    row = np.repeat(np.arange(ROWS), np.diff(activity.indptr))
    spans = {pair: peaks[0][j] for j, pair in enumerate(zip(row, activity.indices, strict=True))}
    for i in np.flatnonzero(found.positive):
        assert found.start[i] == spans[found.passage[i], found.feature[i]] == found.end[i] - 2
    untrapped = np.isin(found.group, [GROUPS.index("random"), GROUPS.index("near")])
    assert (found.start[untrapped] == -1).all() and (found.end[untrapped] == -1).all()


def test_sorted_and_of_the_sizes_asked_for_where_passages_suffice(found):
    key = found.feature.astype(int) * 10 + found.group
    assert (np.diff(key) >= 0).all()
    counts = Counter(zip(found.feature.tolist(), found.group.tolist(), strict=True))
    assert [counts[2, g] for g in range(6)] == [OF_STRATUM] * 3 + [OF_KIND] * 2 + [0]  # feature 2 has no trigger
    assert all(counts[1, g] <= most for g, most in enumerate([OF_STRATUM] * 3 + [OF_KIND] * 3))
    assert set(found.feature) == {0, 1, 2, 3, 4}  # 5 fires nowhere
    assert 0 < sum(counts[4, g] for g in range(3, 6)) < 10  # almost no silence, and nothing else in its place


def test_strata_are_thirds_of_the_articles_strongest(given, found):
    activity, _, passages, _ = given
    rows = score_fold(passages)
    for feature in range(3):
        best = {}
        for row in rows:
            value = activity[row, feature]
            if value:
                best[passages[row].article_id] = max(best.get(passages[row].article_id, 0), value)
        ranked = sorted(best.values(), reverse=True)
        mine = (found.feature == feature) & found.positive
        for value, group in zip(found.value[mine], found.group[mine], strict=True):
            assert 3 * ranked.index(value) // len(ranked) == group


def test_near_is_the_nearest_that_is_left(given, found):
    activity, _, passages, embedding = given
    dense, rows, fold = activity.toarray(), score_fold(passages), label_fold(passages)
    near = (found.feature == 2) & (found.group == GROUPS.index("near"))
    # feature 2 has at most 100 exemplars in the label fold, one per article: the strongest passage of each
    best = {}
    for row in fold[dense[fold, 2] > 0]:
        name = passages[row].article_id
        if dense[row, 2] > dense[best.get(name, row), 2] or name not in best:
            best[name] = row
    evidence = np.array(list(best.values()))
    centre = dense[evidence, 2] @ (embedding[evidence] - embedding[fold].mean(axis=0))
    taken = {passages[p].article_id for p in found.passage[(found.feature == 2) & found.positive]}
    expected = []
    for row in sorted(rows[dense[rows, 2] == 0], key=lambda row: -embedding[row] @ centre):
        if passages[row].article_id not in taken and len(expected) < OF_KIND:
            taken.add(passages[row].article_id)
            expected.append(row)
    assert found.passage[near].tolist() == expected


def test_traps_hold_the_trigger(given, found):
    passages = given[2]
    trapped = found.group == GROUPS.index("trap")
    assert trapped.any()
    for feature, p, a, b in zip(
        found.feature[trapped], found.passage[trapped], found.start[trapped], found.end[trapped], strict=True
    ):
        assert passages[p].text[a:b] in {name.casefold() for name in TRIGGERS[feature]}


def test_without_an_embedding_near_is_left_out(given, found):
    bare = drawn(*given[:3], None)
    assert GROUPS.index("near") not in bare.group and GROUPS.index("near") in found.group


def test_the_order_of_the_corpus_does_not_matter(given, found):
    """Draws depend on ids: a reversed corpus gives the same trials."""
    activity, peaks, passages, embedding = given
    back = np.arange(ROWS)[::-1]
    where = sparse.csr_matrix((np.arange(1, activity.nnz + 1), activity.indices, activity.indptr), activity.shape)
    moved = where[back]
    entry = moved.data - 1
    turned = sparse.csr_matrix((activity.data[entry], moved.indices, moved.indptr), activity.shape)
    other = drawn(turned, (peaks[0][entry], peaks[1][entry]), [passages[i] for i in back], embedding[back])
    for name in ("feature", "group"):
        assert np.array_equal(getattr(other, name), getattr(found, name))
    assert set(zip(other.feature, back[other.passage], strict=True)) == set(
        zip(found.feature, found.passage, strict=True)
    )


def test_another_seed_draws_others(given, found):
    assert not np.array_equal(drawn(*given, seed=1).passage, found.passage)
    again = drawn(*given)
    assert all(np.array_equal(getattr(again, n), getattr(found, n)) for n in ("passage", "value", "start", "end"))


def test_blocks_of_features_change_nothing(given, found, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    assert np.array_equal(drawn(*given).passage, found.passage)


def test_thirds_of_few_by_hand():
    passages = [Passage(f"p{i}", f"a{i}", "", "", "text", "en", None, "w", "score") for i in range(4)]
    activity = sparse.csr_matrix(np.array([[1], [0], [3], [0]], np.float32))
    peaks = (np.zeros(2, np.uint32), np.ones(2, np.uint32))
    found = drawn_one(activity, peaks, passages)
    assert found.passage[:2].tolist() == [2, 0] and found.group.tolist() == [0, 1, 3, 3]
    assert sorted(found.passage[2:].tolist()) == [1, 3]


def drawn_one(activity, peaks, passages):
    evidence = collect(activity, peaks, rows=np.zeros(0, np.int64), article=np.zeros(0, np.int64), most=5)
    return draw_trials(activity, peaks, passages, evidence=evidence, embedding=None, triggers=[[]], seed=0)


def test_no_firing_no_trials():
    passages = [Passage("p0", "a0", "", "", "text", "en", None, "w", "score")]
    empty = (np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    assert len(drawn_one(sparse.csr_matrix((1, 1), dtype=np.float32), empty, passages)) == 0


def test_places_and_traps_by_hand():
    texts = ["Chess, or CHESS", "chessboard", "no. chess's", "a – b"]
    places = find_places(texts, [["chess", ",", "beyond"], ["–", "space"]])
    assert [side.tolist() for side in places["chess"]] == [[0, 2], [0, 4], [5, 11]]
    assert [side.tolist() for side in places[","]] == [[0], [5], [6]]
    assert [side.tolist() for side in places["–"]] == [[3], [2], [3]]
    assert set(places) == {"chess", ",", "–"}
    # the fourth trigger is no leading one; passage 0 is trapped by its most frequent trigger
    assert [side.tolist() for side in traps(places, [",", "x", "chess", "–"])] == [[0, 2], [5, 4], [6, 11]]
