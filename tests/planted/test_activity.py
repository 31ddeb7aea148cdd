import numpy as np
import pytest

from samedream.planted import planted_activity


@pytest.fixture(scope="module")
def pair():
    return planted_activity(0.5, left=100, right=200, passages=2000, splits=10, seed=3)


def test_shapes_and_the_same_passages(pair):
    assert pair.left.shape == pair.left_repeat.shape == pair.left_floor.shape == (2000, 100)
    assert pair.right.shape == pair.right_repeat.shape == pair.right_floor.shape == (2000, 200)
    assert pair.blocks.shape == pair.topics.shape == (2000,)
    assert set(pair.beside()) == {"left_repeat", "right_repeat", "left_floor", "right_floor"}


def test_the_truth_is_the_share_of_concepts_in_common(pair):
    # 5 of left's 100 features are tokens; 48 of the other 95 are shared (95 / 2 rounds to even), ten of them divided
    assert pair.shared[0] == pytest.approx(48 / 95)
    plain = planted_activity(0.5, left=100, right=200, passages=300, seed=3)
    assert plain.shared == pytest.approx((48 / 95, 48 / 195))
    assert pair.shared[1] > plain.shared[1]  # the pieces of a divided concept are all in left


def test_numbers_say_which_features_have_one_concept():
    whole = planted_activity(1.0, left=80, right=80, passages=3000, missed=0.0, boilerplate=0.0, seed=4)
    assert sorted(whole.left_concept) == sorted(whole.right_concept) == list(range(80))
    partner = np.argsort(whole.right_concept)[whole.left_concept]
    left, right = whole.left.toarray() > 0, whole.right.toarray() > 0
    for feature in range(80):
        if left[:, feature].sum() > 100:
            agree = (left[:, [feature]] & right).sum(axis=0) / np.sqrt(right.sum(axis=0))
            assert agree.argmax() == partner[feature]


def test_nothing_shared_is_nothing_in_common():
    none = planted_activity(0.0, left=80, right=90, passages=300, boilerplate=0.0, seed=5)
    assert none.shared == (0.0, 0.0)
    assert not set(none.left_concept) & set(none.right_concept)


def test_a_dictionary_misses_a_fifth_and_has_something_else_there(pair):
    own = pair.left_concept >= 300
    assert own.sum() == round(0.2 * 95)
    assert not set(pair.left_concept[own]) & set(pair.right_concept)
    assert len(set(pair.left_concept)) == 100


def test_splits_name_a_parent_and_the_pieces_that_were_found(pair):
    assert 3 <= len(pair.splits) <= 10
    for parent, pieces in pair.splits.items():
        assert 2 <= len(pieces) <= 4
        assert set(pair.right_concept[list(pieces)]) == {pair.left_concept[parent]}
    assert not planted_activity(0.5, left=50, right=60, passages=300).splits


def test_one_seed_gives_one_pair_and_another_another(pair):
    again = planted_activity(0.5, left=100, right=200, passages=2000, splits=10, seed=3)
    other = planted_activity(0.5, left=100, right=200, passages=2000, splits=10, seed=4)
    assert (again.left != pair.left).nnz == (again.right_floor != pair.right_floor).nnz == 0
    assert (other.left != pair.left).nnz > 0


def test_right_must_have_room():
    with pytest.raises(ValueError, match=r"^right has 50 features, 100 are needed to share 100% of 100$"):
        planted_activity(1.0, left=100, right=50, passages=300)
