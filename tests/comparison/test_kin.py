from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.arena import enter
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.kin import kin, relative

QUICK = ComparisonConfig(permutations=20)


def test_the_fourth_that_is_no_partner_by_hand():
    # feature 0: 7 is its partner, 3 has 0 as its own partner; of 1 5 2 8 left the fourth is 8
    # feature 1: too few are left, so the last one
    nearest = np.array([[7, 3, 1, 5, 2, 8, 6], [4, 4, 4, 4, 4, 0, 9]])
    forth = SimpleNamespace(chosen=(np.array([7, 4]), np.array([7, 4])))
    back = SimpleNamespace(chosen=(np.array([1, 1, 1, 0, 1, 1, 1, 0, 1, 1]), np.full(10, 9)))
    assert relative(nearest, forth, back).tolist() == [8, 9]


def _topical(share, seed, n=3000, features=150):
    """Features of ten topics that follow their topic closely; the twins know no topic at all."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 10, size=n)

    def concepts(count, follows):
        home, rate = rng.integers(0, 10, size=count), np.exp(rng.uniform(np.log(0.03), np.log(0.2), size=count))
        chance = np.clip(rate * (1 - follows + follows * 10 * (topic[:, None] == home)), 0, 0.95)
        return (rng.random((n, count)) < chance) * rng.gamma(2, 1, size=(n, count))

    def seen(strength):
        shape = strength.shape
        noise = np.exp(rng.normal(0, 0.3, size=shape)) * (rng.random(shape) > 0.2)
        return sparse.csr_array((strength * noise).astype(np.float32))

    a = concepts(features, 0.9)
    common = round(share * features)
    b = np.concatenate([a[:, :common], concepts(features - common, 0.9)], axis=1)
    beside = {
        "left_repeat": seen(a), "right_repeat": seen(b),
        "left_floor": seen(concepts(features, 0.0)), "right_floor": seen(concepts(features, 0.0)),
    }  # fmt: skip
    return seen(a), seen(b), np.arange(n) // 2, beside


@pytest.mark.parametrize("truth", [0.0, 0.5, 1.0])
def test_features_of_one_topic_do_not_pass_for_shared(truth):
    left, right, blocks, beside = _topical(truth, seed=1)
    found = compare(left, right, blocks, QUICK, **beside)
    assert found.floor.a_to_b.value < 0.05  # the twin knows nothing of topics
    assert found.mean_r["found"]["a_to_b"] > 0.2
    for way in (found.shared_fraction.a_to_b, found.shared_fraction.b_to_a):
        assert way.value == pytest.approx(truth, abs=0.06)
        assert way.low - 0.02 <= truth <= way.high + 0.02


def test_kin_are_held_out_and_below_the_match():
    left, right, blocks, _ = _topical(0.5, seed=2)
    arena = enter({"left": left, "right": right}, blocks, QUICK, Context())
    relatives, matching = kin(arena, "left", "right"), arena.matching("left", "right")
    assert relatives.r.shape == matching.r.shape
    assert relatives.without.shape == matching.without.shape
    assert (relatives.r <= matching.r + 0.1).mean() > 0.98
    assert relatives.r.mean() == pytest.approx(0.3, abs=0.07)


def test_few_features_have_no_kin():
    left, right, blocks, beside = _topical(1.0, seed=3)
    few = {name: activity[:, :20] for name, activity in beside.items() if name != "left_repeat"}
    found = compare(left, right[:, :20], blocks, QUICK, left_repeat=beside["left_repeat"], **few)
    assert found.shared_fraction.a_to_b == found.shared_over_twins.a_to_b
    arena = enter({"left": left, "right": right[:, :20]}, blocks, QUICK, Context())
    assert kin(arena, "left", "right") is None
    assert kin(arena, "right", "left") is not None
