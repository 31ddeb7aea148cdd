import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from samedream.labels.ctfidf import best_terms, class_tfidf, presence, rarity, shares


def csr(rows):
    return sparse.csr_matrix(np.array(rows, float))


# three passages, three terms: "the", "chess", "river"
COUNTS = csr([[2, 1, 0], [1, 0, 2], [1, 1, 0]])


def test_rarity_by_hand():
    # 8 words in 3 passages: A = 8/3; f = 4, 2, 2
    assert rarity(COUNTS) == pytest.approx([math.log(1 + 8 / 12), math.log(1 + 8 / 6), math.log(1 + 8 / 6)])


def test_class_tfidf_by_hand():
    # feature 0 has activation 1 on passage 0 and 3 on passage 2; feature 1 has 2 on passage 1; feature 2 is dead
    weights = csr([[1, 0, 0], [0, 2, 0], [3, 0, 0]])
    scores = class_tfidf(weights, COUNTS, rarity(COUNTS)).toarray()
    # feature 0: the = 1·2 + 3·1 = 5, chess = 1·1 + 3·1 = 4 of 9;  feature 1: the = 2·1 = 2, river = 2·2 = 4 of 6
    the, rare = math.log(1 + 2 / 3), math.log(1 + 4 / 3)
    assert scores == pytest.approx(np.array([[5 / 9 * the, 4 / 9 * rare, 0], [2 / 6 * the, 0, 4 / 6 * rare], [0] * 3]))
    assert scores[0, 1] == pytest.approx(0.376577, abs=1e-6)


def test_shares_and_presence():
    assert shares(csr([[1, 3], [0, 0]])).toarray().tolist() == [[0.25, 0.75], [0, 0]]
    assert presence(csr([[1, 3], [0, 0.5]])).toarray().tolist() == [[1, 1], [0, 1]]


def test_no_words_at_all():
    nothing = sparse.csr_matrix((3, 0))
    assert rarity(nothing).shape == (0,)
    assert class_tfidf(csr([[1], [1], [1]]), nothing, rarity(nothing)).shape == (1, 0)


@given(
    hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 3)),
    st.integers(1, 5),
)
def test_best_terms_match_sorting(dense, most):
    found = best_terms(csr(dense), most)
    for row, mine in zip(dense, found, strict=True):
        expected = sorted(((-v, i) for i, v in enumerate(row) if v > 0))[:most]
        assert mine == [(i, -v) for v, i in expected]
