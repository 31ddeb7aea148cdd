import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from samedream.labels.scores import readers as module
from samedream.labels.scores.counting import count_terms
from samedream.labels.scores.directions import random_directions
from samedream.labels.scores.readers import cosines, rule_matrix, rule_values

TEXTS = ["In 1914 the World War, a world war!", "NASA's world; ESA and nasa", "war.\nWorld  war, being", "", "12,5 km"]


def test_counts_by_hand():
    terms = [
        "war",
        "world war",
        "the World",
        ",",
        "\n",
        "<year>",
        "<acronym>",
        "<number>",
        "<-ing>",
        "absent",
        "no way",
    ]
    assert count_terms(TEXTS, terms).toarray().T.tolist() == [
        [2, 0, 2, 0, 0],
        [2, 0, 1, 0, 0],
        [1, 0, 0, 0, 0],
        [1, 0, 1, 0, 1],
        [0, 0, 1, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 3, 0, 0, 0],  # "nasa" is spelt NASA most often, or first
        [1, 0, 0, 0, 1],
        [0, 0, 1, 0, 0],
        [0] * 5,
        [0] * 5,
    ]
    assert count_terms(TEXTS, []).shape == (5, 0)


@given(st.lists(st.sampled_from(["a", "b", "a b", "b, a", "A  B", "b-a"]), max_size=6))
def test_pairs_are_neighbours(parts):
    text = ". ".join(parts)
    found = count_terms([text], ["a b", "b a"]).toarray()[0]
    words = list(re.finditer(r"\w(?:-\w)?", text))
    beside = [
        (x[0] + " " + y[0]).lower()
        for x, y in zip(words[:-1], words[1:], strict=True)
        if text[x.end() : y.start()].isspace()
    ]
    assert found.tolist() == [beside.count("a b"), beside.count("b a")]


def test_rule_values_by_hand():
    rules = rule_matrix([[("war", 2.0), (",", 0.5)], [], [("world war", 1.0)]], [",", "war", "world war"])
    counts = count_terms(TEXTS, [",", "war", "world war"])
    of, passage = np.array([0, 0, 1, 2, 2]), np.array([0, 2, 0, 0, 1])
    assert rule_values(rules, counts, of=of, passage=passage).tolist() == [4.5, 4.5, 0, 2, 0]
    none = np.zeros(0, np.int64)
    assert rule_values(rules, counts, of=none, passage=none).tolist() == []


def test_cosines_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    label, passage = rng.standard_normal((4, 5), np.float32), rng.standard_normal((6, 5), np.float32)
    of, where = rng.integers(0, 4, 20), rng.integers(0, 6, 20)
    whole = cosines(label, passage, of=of, passage=where)
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    assert np.array_equal(cosines(label, passage, of=of, passage=where), whole)
    assert whole == pytest.approx((label @ passage.T)[of, where], abs=1e-5)


def test_random_directions_match_a_loop():
    rng = np.random.default_rng(0)
    dense = (rng.random((40, 9)) * (rng.random((40, 9)) < 0.4)).astype(np.float32)
    dense[:, 4] = 0
    activity = sparse.csr_matrix(dense)
    start = np.arange(activity.nnz, dtype=np.uint32)
    found, (first, last) = random_directions(activity, (start, start + 1), count=5, seed=2)
    weights = np.random.default_rng(2).standard_normal((9, 5)) / np.maximum(dense.max(axis=0), 1e-9)[:, None]
    weights[4] = 0
    kept = round(activity.nnz / 8)  # as often as the eight features that fire
    entry = (
        sparse.csr_matrix((np.arange(activity.nnz) + 1, activity.indices, activity.indptr), dense.shape).toarray() - 1
    )
    at = 0
    strength = dense @ weights
    for row in range(40):
        for d in range(5):
            fires = row in np.argsort(-strength[:, d])[:kept] and strength[row, d] > 0
            assert (found[row, d] > 0) == fires
            if fires:
                assert found[row, d] == pytest.approx(strength[row, d], abs=1e-4)
                assert found.indices[at] == d
                assert first[at] == entry[row, (dense[row] * weights[:, d]).argmax()] == last[at] - 1
                at += 1
    assert at == found.nnz == len(first)
