import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samedream.features.encoding import block_rows, firings, near_misses


def test_firings_by_hand():
    # two passages: 7 has rows 0 and 1, 9 has rows 2 to 4; three features
    activations = np.array([[0, 2, 0], [1, 3, 0], [0, 0, 0], [0, 5, 0], [0, 5, 4]], np.float32)
    f = firings(activations, np.array([7, 7, 9, 9, 9]))
    assert f.passage.tolist() == [7, 7, 9, 9]
    assert f.feature.tolist() == [0, 1, 1, 2]
    assert f.value.tolist() == [1, 3, 5, 4]
    assert f.peak.tolist() == [1, 1, 3, 4]  # a tie (5, 5) goes to the first token
    assert f.first.tolist() == [0, 1, 3, 5, 6]
    assert f.row.tolist() == [1, 0, 1, 3, 4, 4]
    assert f.activation.tolist() == [1, 2, 3, 5, 5, 4]


def test_nothing_fires():
    f = firings(np.zeros((3, 4), np.float32), np.array([0, 1, 1]))
    assert len(f.passage) == len(f.row) == 0
    assert f.first.tolist() == [0]


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-2, 3)),
    st.data(),
)
def test_firings_match_a_loop(activations, data):
    rows, features = activations.shape
    passage = np.array(sorted(data.draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows))))
    f = firings(activations, passage)
    expected = []
    for p in sorted(set(passage.tolist())):
        of = np.flatnonzero(passage == p)
        for k in range(features):
            on = [r for r in of if activations[r, k] > 0]
            if on:
                best = max(on, key=lambda r: (activations[r, k], -r))
                expected.append((p, k, activations[best, k], best, on))
    found = [
        (p, k, v, peak, f.row[f.first[i] : f.first[i + 1]].tolist())
        for i, (p, k, v, peak) in enumerate(zip(f.passage, f.feature, f.value, f.peak, strict=True))
    ]
    assert found == expected


def test_near_misses_by_hand():
    # feature 0 fires in passage 0 (row 1), so only passage 1 can be its near miss: best pre-activation -1 at row 2
    pre = np.array([[-3.0, -1.0], [2.0, -2.0], [-1.0, -9.0], [-4.0, -8.0]], np.float32)
    passage = np.array([0, 0, 1, 1])
    fired = firings(np.maximum(pre, 0), passage)
    m = near_misses(pre, passage, fired=fired, floor=np.array([-np.inf, -5.0]))
    # feature 1: passage 0 at -1 (row 0); passage 1 at -8 is below the floor
    assert list(zip(m.passage, m.feature, m.score, m.row, strict=True)) == [(0, 1, -1.0, 0), (1, 0, -1.0, 2)]


def test_a_wide_dictionary_gets_shorter_blocks():
    assert block_rows(2048) == 4096
    assert block_rows(32768) == 256
    assert block_rows(10**9) == 64
