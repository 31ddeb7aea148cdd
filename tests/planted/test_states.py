import numpy as np
import pytest

from samedream.planted.states import LENGTH, planted_states


@pytest.fixture(scope="module")
def pair():
    return planted_states(0.5, left=40, right=60, passages=600, d=(32, 48), seed=1)


def test_every_model_cuts_every_passage_whole(pair):
    for states in pair.models.values():
        assert states.vectors.dtype == np.float32
        assert np.all(np.diff(states.passage) >= 0)
        assert set(states.passage) == set(range(600))
        assert np.all(states.start < states.end)
        first = np.flatnonzero(np.diff(states.passage, prepend=-1))
        assert np.all(states.start[first] == 0)
        assert np.all(states.end[np.append(first[1:] - 1, -1)] == LENGTH)
        inside = np.flatnonzero(np.diff(states.passage) == 0)
        assert np.all(states.end[inside] == states.start[inside + 1])


def test_the_two_models_cut_differently_and_a_twin_as_its_model(pair):
    left, right = pair.models["left"], pair.models["right"]
    assert left.vectors.shape[1] == 32
    assert right.vectors.shape[1] == 48
    assert len(left.passage) / 600 == pytest.approx(14, rel=0.1)
    assert len(right.passage) / 600 == pytest.approx(11, rel=0.1)
    assert np.array_equal(left.start, pair.models["left_floor"].start)


def test_the_truth(pair):
    assert pair.shared == (0.5, 20 / 60)
    with pytest.raises(ValueError, match=r"^right has 10 concepts, 20 are needed to share 100% of 20$"):
        planted_states(1.0, left=20, right=10, passages=50)


def test_concepts_in_common_have_one_number_and_other_directions(pair):
    left, right, twin = (pair.models[name] for name in ("left", "right", "left_floor"))
    assert len(set(left.concept) & set(right.concept)) == 20
    assert not set(twin.concept) & (set(left.concept) | set(right.concept))
    for states in (left, right):
        assert np.linalg.norm(states.directions, axis=1) == pytest.approx(1.0, abs=1e-5)
    # a token's state is what its concepts point to: the nearest one can be read off the states that hold any
    full = left.vectors[np.linalg.norm(left.vectors, axis=1) > 0.8]
    nearest, stranger = ((full @ states.directions.T).max(axis=1) for states in (left, twin))
    assert len(full) > 500
    assert (nearest > stranger).mean() > 0.95


def test_what_is_shared_can_be_read_from_one_model_to_the_other():
    """Passage means of right, predicted from left's on other articles: well if all is shared, not at all if nothing."""
    explained = {}
    for share in (0.0, 1.0):
        pair = planted_states(share, left=30, right=30, passages=2000, d=(64, 64), seed=2)
        x, y = (_means(pair.models[name], 2000) for name in ("left", "right"))
        train = np.arange(2000) < 1500
        weights = np.linalg.lstsq(x[train], y[train], rcond=None)[0]
        rest = y[~train] - x[~train] @ weights
        explained[share] = 1 - (rest**2).sum() / ((y[~train] - y[train].mean(0)) ** 2).sum()
    assert explained[1.0] > 0.35
    assert explained[0.0] < 0.15


def _means(states, passages):
    total = np.zeros((passages, states.vectors.shape[1]))
    np.add.at(total, states.passage, states.vectors)
    return total / np.bincount(states.passage, minlength=passages)[:, None]
