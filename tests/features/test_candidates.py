import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.features.candidates import Best, Candidates

FEATURES = 4


def batch(rows):
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 4
    f, p, a, s = (np.array(column) for column in columns)
    return Candidates(f.astype(np.int32), p.astype(np.int64), a.astype(np.int64), s.astype(float), p.astype(np.int64))


def naive(rows, capacity):
    kept = []
    for f in range(FEATURES):
        mine = sorted((-s, p, a) for k, p, a, s in rows if k == f)
        taken = []
        for s, p, a in mine:
            if a not in taken and len(taken) < capacity:
                taken.append(a)
                kept.append((f, p, a, -s))
    return kept


passages = st.lists(st.tuples(st.integers(0, FEATURES - 1), st.integers(0, 8), st.integers(0, 5)), max_size=60)


@settings(max_examples=200)
@given(passages, st.integers(0, 4), st.data())
def test_same_as_sorting_everything(rows, capacity, data):
    rows = [(f, p, a, s) for p, (f, s, a) in enumerate(rows)]
    order = data.draw(st.permutations(rows))
    best = Best(FEATURES, capacity)
    while order:
        k = data.draw(st.integers(1, 9))
        best.add(batch(order[:k]))
        order = order[k:]
    r = best.ranked()
    assert list(zip(r.feature, r.passage, r.article, r.score, strict=True)) == naive(rows, capacity)


def test_memory_is_bounded_by_the_features():
    rng = np.random.default_rng(0)
    best = Best(50, 10)
    assert best.bound == 2 * 50 * 10
    for step in range(400):
        n = 300
        feature = rng.integers(0, 50, n).astype(np.int32)
        passage = np.arange(n) + n * step
        best.add(Candidates(feature, passage, passage, rng.random(n), passage))
        assert best.most_held <= best.bound
    assert len(best.ranked()) == 500


def test_floor_rises_and_turns_newcomers_away():
    best = Best(1, 2)
    best.add(batch([(0, 0, 0, 1.0), (0, 1, 1, 5.0), (0, 2, 2, 3.0)]))
    assert best.ranked().score.tolist() == [5.0, 3.0]
    assert best.floor.tolist() == [3.0]
    best.add(batch([(0, 3, 3, 2.0)]))
    assert best.most_held == 2


@pytest.mark.parametrize("capacity", [0])
def test_no_capacity_wants_nothing(capacity):
    best = Best(2, capacity)
    assert best.floor.tolist() == [np.inf, np.inf]
    best.add(batch([(0, 0, 0, 1.0)]))
    assert len(best.ranked()) == 0
