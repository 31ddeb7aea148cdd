import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from samedream.labels import evidence as module
from samedream.labels.evidence import collect, find_triggers, label_fold
from samedream.labels.keywords import keyword_scores
from samedream.labels.neighbours import Pairs
from samedream.labels.topics import leading_titles, leading_topics
from samedream.labels.words import find_words
from samedream.records import Passage


def passage(i, text="", topic=None, fold="label", article=None):
    return Passage(f"p{i}", f"a{article if article is not None else i}", f"T{i}", "", "text", "en", topic, text, fold)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 30))
def test_collect_matches_a_loop(seed, most, entries_at_a_time):
    rng = np.random.default_rng(seed)
    dense = (rng.integers(0, 6, (20, 4)) * (rng.random((20, 4)) < 0.5)).astype(np.float32)
    activity = sparse.csr_matrix(dense)
    peaks = (rng.integers(0, 50, activity.nnz).astype(np.uint32), rng.integers(50, 99, activity.nnz).astype(np.uint32))
    rows = np.flatnonzero(rng.random(20) < 0.6)
    article = rng.integers(0, 5, len(rows))
    old, module._ENTRIES = module._ENTRIES, entries_at_a_time
    try:
        found = collect(activity, peaks, rows=rows, article=article, most=most)
    finally:
        module._ENTRIES = old
    row = np.repeat(np.arange(20), np.diff(activity.indptr))
    position = {pair: j for j, pair in enumerate(zip(row, activity.indices, strict=True))}
    expected = []
    for f in range(4):
        taken = []
        for i in sorted((i for i in range(len(rows)) if dense[rows[i], f] > 0), key=lambda i: (-dense[rows[i], f], i)):
            if article[i] not in taken and len(taken) < most:
                taken.append(article[i])
                j = position[rows[i], f]
                expected.append((f, i, dense[rows[i], f], peaks[0][j], peaks[1][j]))
    assert list(zip(found.feature, found.passage, found.value, found.start, found.end, strict=True)) == expected
    assert found.fired.tolist() == (dense[rows] > 0).sum(axis=0).tolist()


def test_label_fold():
    assert label_fold([passage(0), passage(1, fold="score"), passage(2)]).tolist() == [0, 2]


TEXTS = ["chess of kings", "of chess, and chess", "river"]


def no_pairs(passages):
    return Pairs([], sparse.csr_matrix((passages, 0)))


def evidence(*rows, fired=None, width=1):
    feature, where, value, start, end = np.array(rows).T
    fired = np.bincount(feature, minlength=width) if fired is None else np.array(fired)
    return module.Evidence(feature.astype(np.int32), where, value.astype(float), start, end, fired)


def test_triggers_by_hand():
    # feature 0 peaks on "chess" (value 3), on "," (value 1) and on the whole passage "river" (value 4)
    e = evidence((0, 0, 3, 0, 5), (0, 1, 1, 8, 9), (0, 2, 4, 0, 5))
    words = find_words(TEXTS)
    t = find_triggers(e, words, TEXTS)
    assert t.names == ["chess", "of", "kings", "and", "river", ","]
    assert t.words == 5
    # a passage of one word: the span is that word, a trigger like any other, first and last at once
    assert t.share.toarray().tolist() == [[3 / 8, 0, 0, 0, 4 / 8, 1 / 8]]
    assert t.passages.toarray().tolist() == [[1, 0, 0, 0, 1, 1]]
    assert t.at_start.tolist() == [7 / 8] and t.at_end.tolist() == [4 / 8]


def test_space_and_line_break_have_names():
    texts = ["a – b", "a\n\nb"]
    t = find_triggers(evidence((0, 0, 1, 1, 2), (0, 1, 1, 1, 2)), find_words(texts), texts)
    assert t.names == ["a", "b", "space", "line break"]


def test_a_space_goes_to_the_word_after_it_and_a_mark_inside_a_word_is_a_mark():
    texts = ["in 1957 a self-made man"]
    e = evidence((0, 0, 1, 2, 3), (1, 0, 1, 14, 15), (2, 0, 1, 10, 14), width=3)
    t = find_triggers(e, find_words(texts), texts)
    names = [[t.names[i] for i in row.indices] for row in t.share]
    assert names == [["1957"], ["-"], ["self-made"]]


def test_a_peak_after_the_last_word_is_at_the_end():
    texts = ["one two three."]
    t = find_triggers(evidence((0, 0, 1, 13, 14)), find_words(texts), texts)
    assert t.at_end.tolist() == [1] and t.at_start.tolist() == [0]


def test_a_word_of_a_single_passage_is_no_keyword_of_a_feature_with_more():
    texts = ["chess unique", "chess other", "chess third", *["nothing here"] * 37]
    words = find_words(texts)
    e = evidence((0, 0, 1, 6, 12), (0, 1, 1, 6, 11), (0, 2, 1, 6, 11), (1, 0, 1, 6, 12), width=2)
    scores = keyword_scores(e.weights(40), find_triggers(e, words, texts), words, no_pairs(len(texts))).toarray()
    names = {w: i for i, w in enumerate(words.terms)}
    assert scores[0, names["chess"]] > 0
    assert scores[0, names["unique"]] == scores[0, names["other"]] == scores[0, names["third"]] == 0
    assert scores[1, names["unique"]] > scores[1, names["chess"]] > 0  # all the evidence there is


def test_context_words_must_be_more_frequent_than_chance():
    # feature 0 fires on 20 of 400 passages; "known" is in 1 of 40 (0.5 of 20 by chance: 0.5 + 3 √0.5 + 1 = 3.6 needed)
    for present, kept in ((3, False), (4, True)):
        texts = ["x known" if i < present else "x" for i in range(20)] + ["y known"] * (10 - present)
        texts += ["y"] * (400 - len(texts))
        words = find_words(texts)
        e = evidence(*((0, i, 1, 0, 1) for i in range(20)))
        scores = keyword_scores(e.weights(400), find_triggers(e, words, texts), words, no_pairs(len(texts))).toarray()
        assert bool(scores[0, words.terms.index("known")] > 0) is kept


def test_topics_by_hand():
    # base shares of the four passages with a topic: A 3/4, B 1/4
    passages = [passage(0, topic="A"), passage(1, topic="A"), passage(2, topic="A"), passage(3, topic="B"), passage(4)]
    e = evidence((0, 0, 1, 0, 1), (0, 3, 3, 0, 1), (0, 4, 9, 0, 1), (1, 0, 2, 0, 1), width=3)
    topics = leading_topics(e.weights(5), passages)
    # feature 0: B has 3 of 4, lift 3; A has 1/4, less than its base share.  feature 1: only A, lift 4/3.  2: dead
    assert [[(t.name, t.share, t.lift) for t in row] for row in topics] == [
        [("B", 0.75, 3.0)],
        [("A", 1.0, 1 / 0.75)],
        [],
    ]


def test_no_topics_and_titles():
    passages = [passage(i) for i in range(3)]
    e = evidence((0, 2, 5, 0, 1), (0, 0, 1, 0, 1), width=2)
    assert leading_topics(e.weights(3), passages) == [[], []]
    assert leading_titles(e, passages) == [["T2", "T0"], []]
