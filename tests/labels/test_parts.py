"""Pairs of words, next words, classes of words, diversity, rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from samedream.labels.diversity import RELEVANCE, diverse_order, mmr
from samedream.labels.evidence import Evidence, find_triggers
from samedream.labels.keywords import function_words
from samedream.labels.neighbours import find_pairs, leading_phrases, next_words
from samedream.labels.rules import word_rules
from samedream.labels.surface import ACRONYM, NUMBER, YEAR, common_classes, member, membership, shares_of_words
from samedream.labels.syntax import leading_classes
from samedream.labels.words import find_words


def peaks_at(texts, *targets, width=1):
    """Evidence of feature 0: in each text the first occurrence of its target, value 1."""
    start = np.array([text.index(target) for text, target in zip(texts, targets, strict=True)])
    end = start + [len(target) for target in targets]
    n = len(start)
    fired = np.array([n] + [0] * (width - 1))
    return Evidence(np.zeros(n, np.int32), np.arange(n), np.ones(n), start, end, fired)


PAIRED = ["the World War of x", "a world war, y", "World  war and war", "no war world"]


def test_pairs_by_hand():
    words = find_words(PAIRED)
    pairs = find_pairs(words, PAIRED, function_words(words))
    assert pairs.names == ["World War"] or pairs.names == ["World war"]
    assert pairs.counts.toarray().tolist() == [[1], [1], [1], [0]]
    assert find_pairs(words, PAIRED, np.ones(len(words.terms), bool)).names == []  # function words make no pair
    assert find_pairs(find_words([]), [], np.zeros(0, bool)).names == []


def test_next_words_and_phrases_by_hand():
    texts = ["United States of x", "the United States, y", "United Kingdom", "the united states"]
    words = find_words(texts)
    evidence = peaks_at(texts, "States", "States", "United", "states", width=2)
    peak = find_triggers(evidence, words, texts).peak
    assert next_words(evidence, peak, words, texts=texts, most=5) == [["of", "Kingdom"], []]
    phrase, none = leading_phrases(evidence, peak, words, texts=texts, frequent=function_words(words))
    assert phrase.name == "United States" and phrase.share == 0.75 and not phrase.functional and none is None
    functional = leading_phrases(evidence, peak, words, texts=texts, frequent=np.ones(len(words.terms), bool))
    assert functional[0].functional


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        (YEAR, ["1914", "2020", "1920s"], ["914", "3014", "19145"]),
        (NUMBER, ["12", "1,234.5"], ["x1", "one"]),
        (ACRONYM, ["NASA", "UN", "MP3", "DVDs", "AC-DC"], ["Nasa", "A", "1914", "I"]),
        ("<-ing>", ["being", "RUNNING"], ["ring", "ing", "sing", "beings"]),
        ("<-s>", ["cats", "was"], ["is", "cat"]),
    ],
)
def test_classes_of_words(name, yes, no):
    assert [member(name, word) for word in yes + no] == [True] * len(yes) + [False] * len(no)
    found = membership(yes + no, [name, "<-zzz>"]).toarray()
    assert found.tolist() == [[1, 0]] * len(yes) + [[0, 0]] * len(no)


@given(st.lists(st.text("ABab12-s", min_size=1, max_size=6), max_size=20))
def test_membership_is_member(words):
    classes = [ACRONYM, "<-s>", "<-ab>", YEAR]
    found = membership(words, classes).toarray()
    assert found.tolist() == [[float(member(name, word)) for name in classes] for word in words]


STEMS = ["walk", "jump", "eat", "build", "paint", "read", "sleep", "think", "carry", "push", "lift", "hold"]


def corpus_of_forms():
    forms = [f"{stem}ing" for stem in STEMS] + [f"{stem}ed" for stem in STEMS] + [*STEMS]
    forms += [f"{a}{b}" for a in ("ka", "lo", "mi") for b in ("tor", "ben", "dul", "fip", "gan", "hov")]
    forms += [f"{a}ing" for a in ("bond", "call", "fill", "melt", "pack", "rest", "turn", "wait", "milk", "nail")]
    return [f"x{i % 7} {form} y" for i, form in enumerate(forms)]


def test_words_of_one_ending_are_a_class():
    texts = corpus_of_forms()
    words = find_words(texts)
    assert "<-ing>" in common_classes(words)
    mine = [i for i, text in enumerate(texts) if text.split()[1].endswith("ing")][:10]
    others = [i for i, text in enumerate(texts) if not text.split()[1].endswith("ing")][:10]
    rows = np.array(mine + others)
    start = np.array([texts[i].index(" ") + 1 for i in rows])
    end = start + [len(texts[i].split()[1]) for i in rows]
    feature = np.repeat([0, 1], 10).astype(np.int32)
    evidence = Evidence(feature, rows, np.ones(20), start, end, np.array([10, 10]))
    found = leading_classes(find_triggers(evidence, words, texts), words, 3)
    assert found[0].name == "<-ing>" and found[0].share == pytest.approx(1) and len(found[0].examples) == 3
    assert all(word.endswith("ing") for word in found[0].examples)
    assert found[1] is None or found[1].name != "<-ing>"
    few = Evidence(feature[:4], rows[:4], np.ones(4), start[:4], end[:4], np.array([4]))
    assert leading_classes(find_triggers(few, words, texts), words, 3) == [None]  # four words are a family


def test_shares_of_words_by_hand():
    words = find_words(["NASA walks", "1914 walks"])
    classes = [ACRONYM, YEAR, "<-s>"]
    assert shares_of_words(words, membership(words.terms, classes)).tolist() == [0.25, 0.25, 0.5]


def test_mmr_by_hand():
    like = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1.0]])
    # second: .7 * .9 - .3 * .9 = .36; third: .7 * .6 = .42
    assert RELEVANCE == 0.7 and mmr(np.array([1, 0.9, 0.6]), like) == [0, 2, 1]
    assert mmr(np.array([1, 0.9, 0.6]), np.eye(3)) == [0, 1, 2]
    assert mmr(np.zeros(0), np.zeros((0, 0))) == []


def test_terms_that_share_a_word_or_passages_come_later():
    counts = sparse.csr_matrix(np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]], float))
    names = ["war", "army", "World War", "peace"]
    keywords = [[(0, 1.0), (1, 0.9), (2, 0.9), (3, 0.5)], []]
    # army stands where war does (cosine 1), World War shares a word: peace comes before both
    assert diverse_order(keywords, counts, names) == [[0, 3, 1, 2], []]


def test_rules_add_keywords_and_triggers():
    texts = ["chess, a", "b, c", "\n d"]
    words = find_words(texts)
    evidence = Evidence(
        np.zeros(3, np.int32),
        np.arange(3),
        np.array([2.0, 1, 1]),
        np.array([0, 1, 0]),
        np.array([5, 2, 1]),
        np.array([3]),
    )
    triggers = find_triggers(evidence, words, texts)
    (rule,) = word_rules([[("chess", 0.5), ("king", 0.25)]], triggers, words, texts=texts)
    length = 5 / 3
    assert dict(rule) == pytest.approx(
        {
            "chess": 0.5 + 0.5 * np.log1p(length / 1),
            "king": 0.25,
            ",": 0.25 * np.log1p(length / 2),
            "\n": 0.25 * np.log1p(length / 1),
        }
    )
    assert [weight for _, weight in rule] == sorted((weight for _, weight in rule), reverse=True)
