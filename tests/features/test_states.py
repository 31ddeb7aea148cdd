"""The mean hidden state of each passage against a loop over the passages."""

import io

import numpy as np
import pytest

from samedream.features.blocks import whole_passages
from samedream.features.states import StateMeans


def means(store, passages, cuts=(), rows=20):
    handle = io.BytesIO()
    states = StateMeans(handle, passages, store.d_model)
    for block in whole_passages(store.shards(cuts=cuts), rows):
        states.add(block)
    states.close()
    return handle.getvalue()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_row_is_the_mean_of_the_passages_tokens(make_store, seed):
    store = make_store(seed=seed)
    found = np.load(io.BytesIO(means(store, 45)))  # five passages more than the shards know
    assert found.dtype == np.float32 and found.shape == (45, 6)
    vectors = store.vectors_all.numpy()
    for p in range(45):
        mine = vectors[store.passage == p]
        if len(mine):
            assert found[p] == pytest.approx(mine.mean(axis=0), abs=1e-6)
        else:
            assert np.isnan(found[p]).all()
    assert np.isnan(found[3]).all() and np.isnan(found[40:]).all()


def test_worked_by_hand(make_store):
    store = make_store(passages=5)
    store.passage = np.array([1, 1, 4])
    store.vectors_all = store.vectors_all[:3]
    store.vectors_all[:] = store.vectors_all.new_tensor([[2.0] * 6, [3.0] * 6, [-1.0] * 6])
    found = np.load(io.BytesIO(means(store, 5)))
    assert found[1].tolist() == [2.5] * 6 and found[4].tolist() == [-1.0] * 6
    assert np.isnan(found[[0, 2, 3]]).all()


def test_the_bytes_do_not_depend_on_shards_or_blocks(make_store):
    store = make_store(seed=3)
    whole = means(store, 40)
    assert means(store, 40, cuts=range(5, 150, 7)) == means(store, 40, rows=1) == means(store, 40, rows=10**6) == whole
    plain = io.BytesIO()
    np.save(plain, np.load(io.BytesIO(whole)))
    assert plain.getvalue() == whole  # the file that numpy itself would write


def test_a_corpus_without_tokens(make_store):
    store = make_store(passages=4, tokens=1)
    assert np.isnan(np.load(io.BytesIO(means(store, 4)))).all()
