"""A crosscoder of planted hidden states: sparse concepts, shared and private, each model with its own directions."""

import re
from dataclasses import replace

import numpy as np
import pytest

from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.crosscoder.crosscoder import CLASSES, Bars, _drawn, bars, classes, counts, crosscoder, share
from samedream.comparison.crosscoder.joint import (
    Joint,
    Parts,
    _elsewhere,
    _reading,
    _strength,
    _written,
    correlation,
    principal,
)
from samedream.records import Directed, Interval

NOTHING = Directed(a_to_b=None, b_to_a=None)
ARTICLES = np.repeat(np.arange(300), 2)
AT = Bars(chance=0.1, shared=0.5)


@pytest.fixture(scope="module", autouse=True)
def fewer_steps():
    """So little data needs no 300."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samedream.comparison.crosscoder.joint.STEPS", 100)
        yield


def concepts(rng, count):
    """Two passages of one article often hold the same concepts."""
    article = rng.random((300, count)) < 0.15
    present = article[ARTICLES] & (rng.random((600, count)) < 0.8)
    return present * rng.lognormal(0, 0.4, size=present.shape)


def states(strength, d, rng):
    """Each concept along a direction of its own, noise, and a large mean."""
    directions = rng.normal(size=(strength.shape[1], d)) / np.sqrt(d)
    seen = strength * rng.lognormal(0, 0.2, size=strength.shape)
    return (seen @ directions + 0.05 * rng.normal(size=(len(strength), d)) + rng.normal(size=d)).astype(np.float32)


def pair(shared, *, seed=0, left=24, right=24):
    rng = np.random.default_rng(seed)
    common, ours = round(shared * left), concepts(rng, left)
    theirs = np.concatenate([ours[:, :common], concepts(rng, right - common)], axis=1)
    return {"left": states(ours, 40, rng), "right": states(theirs, 56, rng)}


def told(given, main=NOTHING, seed=0):
    return crosscoder(given, ARTICLES, main, seed=seed)


@pytest.fixture(scope="module")
def half():
    return pair(0.5)


@pytest.fixture(scope="module")
def found(half):
    return told(half, Directed(a_to_b=Interval(0.5, 0.45, 0.55), b_to_a=Interval(0.05, 0.0, 0.1)))


def test_a_planted_half_is_read_back(found):
    for side in ("a", "b"):
        assert found["share"][side] == pytest.approx(0.5, abs=0.15)
        low, high = found["spread"][side]
        assert low <= found["share"][side] <= high
        assert 0.3 < found["variance_explained"][side] <= found["variance_kept"][side] <= 1.000001
    assert found["reason"] is None
    assert found["latents"] == 100  # one for each three of the 300 passages learned from
    assert sum(found["counts"].values()) == sum(sum(number.values()) for number in found["each"]) == 400


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_planted_none_and_all_are_read_back(truth):
    for value in told(pair(truth))["share"].values():
        assert value == pytest.approx(truth, abs=0.05)


def test_of_shuffled_articles_nothing_is_shared_and_of_a_noisy_copy_everything(found):
    assert found["shuffled"]["share"]["a"] < 0.05
    assert found["itself"]["share"]["a"] > 0.95
    assert found["bars"]["chance"] < found["bars"]["shared"]
    assert found["shuffled"]["by_norm"]["shared"] > 100  # of 200: why norms alone do not decide


def test_identical_states_are_shared(half):
    same = told({"left": half["left"], "right": half["left"]})
    assert same["share"] == {"a": 1.0, "b": 1.0}
    assert same["counts"]["shared"] > 300


def test_a_rotation_of_one_side_and_its_scale_change_next_to_nothing(half, found):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(56, 56)))[0]
    turned = told({**half, "right": (7 * half["right"] @ turn).astype(np.float32)})
    for side in ("a", "b"):
        assert turned["share"][side] == pytest.approx(found["share"][side], abs=0.06)


def test_the_same_again(half, found):
    again = told(half)
    assert {**again, "agrees": found["agrees"], "sentence": found["sentence"]} == found
    assert again["agrees"] == {"a": None, "b": None}


def test_it_says_whether_it_agrees_and_does_not_force_it(found):
    assert found["agrees"] == {"a": True, "b": False}
    assert "the main answer says 50% (45% to 55%): the two agree." in found["sentence"]
    assert "the main answer says 5% (0% to 10%): the crosscoder says more." in found["sentence"]
    assert f"finds {found['counts']['shared']} shared" in found["sentence"]


def test_twins_are_compared_where_both_are_there(half):
    rng = np.random.default_rng(3)
    twins = {side: states(concepts(rng, 24), 40, rng) for side in ("left_floor", "right_floor")}
    both = told({**half, **twins})
    assert both["floor"]["share"]["a"] < 0.05
    assert "Of the random twins it finds" in both["sentence"]
    assert "no shared fraction to hold against it" in both["sentence"]


def test_what_cannot_be_told_has_its_reason(half):
    assert crosscoder({}, ARTICLES, NOTHING, seed=0) == {
        "share": None, "reason": "the mean hidden state of each passage is not known"
    }  # fmt: skip
    gaps = half["left"].copy()
    gaps[:101] = np.nan
    assert told({**half, "left": gaps}) == {
        "share": None, "reason": "499 passages with hidden states, a crosscoder needs at least 500"
    }  # fmt: skip
    flat = told({**half, "right": np.ones((600, 8), dtype=np.float32)})
    assert flat == {"share": None, "reason": "the hidden states of right are the same in all passages"}
    one = crosscoder(half, np.zeros(600, dtype=np.int64), NOTHING, seed=0)
    assert one["reason"].startswith("all 600 passages are from one article")


def test_states_without_any_concept_are_not_judged():
    rng = np.random.default_rng(8)
    noise = told({side: rng.normal(size=(600, 40)).astype(np.float32) for side in ("left", "right")})
    assert noise["share"] is None
    assert re.fullmatch(r"of a model it finds only \d+% in the same model's own noisy copy", noise["reason"])
    assert sum(noise["counts"].values()) == 400
    assert "sentence" not in noise


def test_of_very_many_passages_whole_articles_are_drawn():
    code = np.repeat(np.arange(2400), 3)
    rows = np.arange(1, 7200)  # one passage of the first article has no states
    drawn = _drawn(rows, code, 0)
    assert 5990 < drawn.size <= 6000
    assert set(np.bincount(code[drawn])) <= {0, 2, 3}
    assert (np.diff(drawn) > 0).all()
    assert not np.array_equal(drawn, _drawn(rows, code, 1))
    assert _drawn(rows[:6000], code, 0).size == 6000


def test_compare_tells_it_beside_the_rest(planted):
    activity = planted(0.5, seed=5, articles=120, left=40, right=40)
    bare = compare(activity.left, activity.right, activity.blocks, ComparisonConfig(permutations=20))
    assert bare.crosscoder["reason"] == "the mean hidden state of each passage is not known"
    rng = np.random.default_rng(0)
    few = {side: rng.normal(size=(activity.blocks.size, 5)).astype(np.float32) for side in ("left", "right")}
    known = compare(
        activity.left, activity.right, activity.blocks, ComparisonConfig(permutations=20), context=Context(states=few)
    )
    assert known.crosscoder["reason"].endswith("passages with hidden states, a crosscoder needs at least 500")


def joint(agreement, strength, elsewhere=((1, 1, 1), (1, 1, 1)), fires=(50, 50, 50)):
    return Joint(
        agreement=np.array(agreement),
        fires=np.array(fires),
        norms=np.ones((2, 3)),
        strength=np.array(strength, dtype=float),
        elsewhere=np.array(elsewhere, dtype=float),
        explained=(0.5, 0.5),
        reconstruction=np.zeros((1, 2)),
        error=np.zeros((1, 2)),
    )


def named(joint):
    return [CLASSES[number] for number in classes(joint, AT)]


def test_classes_worked_by_hand():
    assert named(joint([0.5, 0.3, 0.05], [[1, 1, 1], [1, 1, 1]])) == ["shared", "cannot_tell", "mixed"]
    # read alike in both, whatever the norms say: Complete Shrinkage does not hide a shared concept
    assert named(joint([0.9, 0.9, 0.9], [[1, 1, 0], [0, 0.1, 1]])) == ["shared"] * 3
    apart = joint([0.0, 0.0, 0.0], [[1, 0.1, 1], [0.1, 1, 0.2]], [[1, 0.1, 1], [0.1, 1, 1]])
    assert named(apart) == ["only_a", "only_b", "mixed"]  # 0.2 of the stronger one is enough to be in both
    # weak in b, but b's other latents hold it: Latent Decoupling
    assert named(joint([0.0] * 3, [[1] * 3, [0] * 3], [[1] * 3, [0.4, 0.5, 0.6]])) == ["only_a", *["cannot_tell"] * 2]
    assert named(joint([0.0] * 3, [[0] * 3, [0] * 3])) == ["cannot_tell"] * 3  # holds in neither model
    assert named(replace(joint([0.9, 0.0, 0.9], [[1] * 3, [1] * 3]), fires=np.array([7, 7, 8]))) == [
        "cannot_tell", "cannot_tell", "shared"
    ]  # fmt: skip


def test_shares_worked_by_hand():
    number = counts([joint([0.5, 0.3, 0.05], np.ones((2, 3)))] * 2, Bars(0.1, 0.5))
    assert number == {"shared": 2, "only_a": 0, "only_b": 0, "mixed": 2, "cannot_tell": 2}
    assert share(number, "a") == 0.5
    assert share({**number, "only_b": 4}, "b") == 0.25
    assert share(dict.fromkeys(CLASSES, 0), "a") is None


def test_bars_worked_by_hand():
    nothing, everything = joint([0.0, 0.1, 0.2], np.ones((2, 3))), joint([0.5, 0.99, 1.0], np.ones((2, 3)))
    assert bars([nothing], [everything]) == Bars(pytest.approx(0.19), pytest.approx((0.19 + 0.99) / 2))
    rare = replace(everything, fires=np.array([50, 7, 7]))
    assert bars([nothing], [rare]).shared == pytest.approx((0.19 + 0.5) / 2)
    silent = replace(nothing, fires=np.zeros(3, dtype=int))
    assert bars([silent], [everything]) == Bars(1.0, 1.0)


def test_latent_scaling_is_least_squares():
    rng = np.random.default_rng(4)
    active, part, error = rng.exponential(size=(50, 1)), rng.normal(size=(1, 6)), rng.normal(size=(50, 6))
    target = (error + active * part).ravel()
    beta = np.linalg.lstsq((active * part).reshape(-1, 1), target, rcond=None)[0][0]
    assert _strength(active, error, part)[0] == pytest.approx(np.sqrt(beta) * np.linalg.norm(part))
    assert _written(active, error)[0] == pytest.approx(np.linalg.lstsq(active, error, rcond=None)[0][0])
    assert _strength(active, -2 * active * part, part)[0] == 0  # the part makes it worse there: not a negative norm
    parts = Parts(np.arange(25), np.arange(25, 50))
    exact = active * part
    assert _elsewhere(active[:25], active[25:], exact, parts)[0] == pytest.approx(np.linalg.norm(part))
    exact[25:] *= -1
    assert _elsewhere(active[:25], active[25:], exact, parts)[0] == 0


def test_a_reading_fires_as_often_as_its_latent_and_where_it_does():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(400, 5)).astype(np.float32)
    active = np.maximum(vectors[:, :2] - 1, 0)
    parts = Parts(np.arange(200), np.arange(200, 400))
    read = _reading(vectors, active[:200], parts)
    assert read.shape == (200, 2)
    assert (read > 0).sum(axis=0).tolist() == (active[:200] > 0).sum(axis=0).tolist()
    assert (correlation(read, active[200:]) > 0.9).all()
    assert not _reading(vectors, np.zeros((200, 1), dtype=np.float32), parts).any()


def test_correlation_by_column():
    x, y = np.random.default_rng(6).normal(size=(2, 30, 3))
    assert correlation(x, y) == pytest.approx([np.corrcoef(x[:, j], y[:, j])[0, 1] for j in range(3)])
    assert correlation(x, np.ones((30, 3))).tolist() == [0, 0, 0]


def test_principal_components_are_those_of_the_svd_and_bear_a_rotation():
    rng = np.random.default_rng(7)
    x = (rng.exponential(size=(300, 120)) * np.linspace(3, 0.1, 120)).astype(np.float32)
    parts = Parts(np.arange(0, 300, 2), np.arange(1, 300, 2))
    scores, kept = principal(x, parts, seed=0)
    learned = x[::2] - x[::2].mean(axis=0)
    values = np.linalg.svd(learned, compute_uv=False)
    assert scores.shape == (300, 96)
    assert 0.9 < kept < 1
    assert np.square(scores[::2]).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)
    lengths = np.linalg.norm(scores[::2], axis=0)
    assert lengths[:20] / lengths[0] == pytest.approx(values[:20] / values[0], rel=1e-3)
    turn = np.linalg.qr(rng.normal(size=(120, 120)))[0]
    assert principal((x @ turn).astype(np.float32), parts, seed=0)[0] == pytest.approx(scores, abs=1e-3)
    assert principal(x[:, :4], parts, seed=0)[1] == pytest.approx(1)
