import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison.activity import as_csr, prepare, require_eligible
from samedream.comparison.config import ComparisonConfig
from samedream.errors import ComparisonError

ALL = ComparisonConfig(keep_per_passage=None, min_passages=2)


def test_transform_worked_by_hand():
    # feature 0: max 10, theta 2: log1p(10/2) = log 6, log1p(2/2) = log 2; feature 1: max 1, theta .2: log 6, log 3.5
    activity = prepare(np.array([[10.0, 0.0], [2.0, 1.0], [0.0, 0.5]]), "left", ALL)
    expected = np.log([[6, 1], [2, 6], [1, 3.5]])
    np.testing.assert_allclose(activity.matrix.toarray(), expected, rtol=1e-6)
    assert activity.retained == 1.0
    assert activity.fired.tolist() == [2, 2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=3, max_size=3), st.integers(0, 1000))
def test_rescaling_by_powers_of_two_changes_nothing(powers, seed):
    rng = np.random.default_rng(seed)
    given_ = rng.exponential(size=(9, 3)) * (rng.random((9, 3)) < 0.7)
    given_[:2] += 1.0
    scaled = given_ * 2.0 ** np.array(powers)
    first, second = (prepare(matrix.astype(np.float32), "left", ALL).matrix for matrix in (given_, scaled))
    np.testing.assert_array_equal(first.toarray(), second.toarray())


def test_the_strongest_are_kept_relative_to_their_own_maximum():
    # passage 0: feature 0 is at 5/100 of its maximum, feature 1 at 1/1: with one kept, feature 1 stays
    given_ = np.zeros((8, 2))
    given_[:, 0] = [5, 100, 90, 80, 70, 60, 50, 40]
    given_[:, 1] = [1, 0, 0, 0, 0, 0, 0, 0.5]
    activity = prepare(given_, "left", ComparisonConfig(keep_per_passage=1, min_passages=2))
    kept = activity.matrix.toarray() > 0
    assert kept[0].tolist() == [False, True]
    # passage 7: feature 1 (.5) beats feature 0 (.4)
    assert kept[7].tolist() == [False, True]
    # .05 and .4 of feature 0 are lost, out of .05+1+.9+.8+.7+.6+.5+.4 + 1.5
    assert activity.retained == pytest.approx(1 - 0.45 / (4.95 + 1.5))


def test_cutting_never_makes_a_feature_too_rare():
    # feature 1 is always the second of its passage; by passage alone nothing of it would be left
    rng = np.random.default_rng(0)
    given_ = np.zeros((100, 2))
    given_[:, 0] = 1.0
    given_[:40, 1] = rng.uniform(0.1, 0.9, size=40)
    given_[40, 1] = 1.5
    activity = prepare(given_, "left", ComparisonConfig(keep_per_passage=1, min_passages=15))
    assert activity.eligible.tolist() == [0, 1]
    assert activity.support[1] == 30  # its own 2 x 15 strongest


def test_dead_and_rare_features_are_not_eligible():
    given_ = np.zeros((6, 3))
    given_[:4, 0], given_[0, 1] = 1.0, 1.0
    activity = prepare(given_, "left", ALL)
    assert activity.eligible.tolist() == [0]
    assert activity.fired.tolist() == [4, 1, 0]


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_array"])
def test_any_sparse_format_is_taken_and_left_as_it_was(kind):
    given_ = getattr(sparse, kind)(np.array([[0.0, 2.0], [3.0, 0.0]]))
    result = as_csr(given_, "left")
    assert result.toarray().tolist() == [[0.0, 2.0], [3.0, 0.0]]
    assert given_.toarray().tolist() == [[0.0, 2.0], [3.0, 0.0]]


def test_duplicate_and_stored_zero_entries_are_cleaned_in_a_copy():
    given_ = sparse.csr_array((np.array([1.0, 2.0, 0.0], dtype=np.float32), [0, 0, 1], [0, 3]), shape=(1, 2))
    assert as_csr(given_, "left").nnz == 1
    assert given_.nnz == 3


def test_nan_and_negative_and_other_things_are_refused():
    with pytest.raises(ComparisonError) as error:
        as_csr(sparse.csr_array(np.array([[np.nan, 1.0], [np.inf, 0.0]])), "right")
    assert str(error.value) == "right: 2 values are NaN or infinite, expected finite activity of at least 0"
    with pytest.raises(ComparisonError) as error:
        as_csr(np.array([[-0.5, 1.0]]), "left")
    assert str(error.value) == (
        "left: the smallest value is -0.5, expected activity of at least 0 (feature activations, not pre-activations)"
    )
    for wrong, found in (
        (np.ones(3), "ndarray of float64 with shape (3,)"),
        (sparse.csr_array(np.ones((2, 2), dtype=np.complex64)), "csr_array of complex64 with shape (2, 2)"),
    ):
        with pytest.raises(ComparisonError) as error:
            as_csr(wrong, "left")
        assert str(error.value) == (
            f"left: found {found}, expected a scipy sparse matrix [passages, features] of activity"
        )
    for wrong in ("activity", [[1.0]], np.array([["a"]]), np.ones((2, 2, 2)), None):
        with pytest.raises(ComparisonError, match="expected a scipy sparse matrix"):
            as_csr(wrong, "left")


def test_nothing_to_compare_is_said():
    with pytest.raises(ComparisonError, match=r"^left has no passages, expected the activity of its features on some"):
        require_eligible(prepare(np.zeros((0, 3)), "left", ALL), "left", 2)
    with pytest.raises(ComparisonError) as error:
        require_eligible(prepare(np.zeros((5, 3)), "left", ALL), "left", 2)
    assert str(error.value) == (
        "left: all 3 features are dead on these 5 passages: cannot tell anything. Train the dictionary again, on more "
        "text"
    )
    with pytest.raises(ComparisonError) as error:
        require_eligible(prepare(np.eye(5), "left", ALL), "left", 2)
    assert str(error.value) == (
        "left: no feature fires in at least 2 passages (the most frequent fires in 1): cannot tell anything. Use more "
        "passages, or a smaller min_passages"
    )
