import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.arena import enter
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.dense.dense import MEASURES, REPRESENTATIONS, _unit_variance, dense, sample_of
from samedream.errors import ComparisonError

CONFIG = ComparisonConfig(permutations=20)
ARTICLES, N = 300, 600
BLOCKS = np.repeat(np.arange(ARTICLES), 2)


def _states(seed, common=None, d=24):
    """Hidden states that see what is common through weights of their own, beside much of their own."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(ARTICLES, d))[BLOCKS] * 2 + rng.normal(size=(N, d))
    seen = 0 if common is None else common @ rng.normal(size=(common.shape[1], d)) * 2
    return ((own + seen) * np.geomspace(4, 1, d) + 9).astype(np.float32)


def _activity(states, seed, features=60):
    directions = np.random.default_rng(seed).normal(size=(states.shape[1], features))
    pre = (states - states.mean(axis=0)) @ directions
    return sparse.csr_array(np.maximum(pre - np.quantile(pre, 0.8, axis=0), 0).astype(np.float32))


COMMON = np.random.default_rng(99).normal(size=(ARTICLES, 5))[BLOCKS]
LEFT, RIGHT = _states(1, COMMON), _states(2, COMMON, d=30)
TWINS = {"left_floor": _states(3), "right_floor": _states(4)}


def run(left=LEFT, right=RIGHT, *, activities=None, states=True, blocks=BLOCKS, **more):
    """`more`: states of floors, and activity alone of repeats."""
    side = {"left": left, "right": right, **more}
    given = activities or {name: _activity(x, 7 + len(name)) for name, x in side.items()}
    held = {name: x for name, x in side.items() if states and not name.endswith("_repeat")}
    return dense(enter(given, blocks, CONFIG, Context(states=held)))


def figures(found, key, representations=REPRESENTATIONS):
    return {(m, name): found["measures"][m][name][key] for m in MEASURES for name in representations}


@pytest.fixture(scope="module")
def related():
    return run(**TWINS)


def test_what_is_shared_is_above_chance_and_above_the_twins(related):
    for where, p in figures(related, "p").items():
        assert p == pytest.approx(1 / 21), where
    for where, above in figures(related, "above_floor").items():
        assert 0 < above["low"] < above["value"] < above["high"] < 1, where
    for measure in MEASURES:
        for figure in related["measures"][measure].values():
            assert figure["low"] < figure["value"] < figure["high"] < 1
            tau = figure["threshold"]
            assert figure["calibrated"]["value"] == pytest.approx((figure["value"] - tau) / (1 - tau))
            assert set(figure["floors"]) == {"a to twin of b", "twin of a to b", "twin of a to twin of b"}
            highest = figure["floors"][figure["highest_floor"]]["calibrated"]["value"]
            assert highest == max(floor["calibrated"]["value"] for floor in figure["floors"].values())
            assert figure["above_floor"]["value"] == pytest.approx(figure["calibrated"]["value"] - highest)


def test_identical_sides_give_one():
    same = run(LEFT, LEFT, activities={side: _activity(LEFT, 5) for side in ("left", "right")})
    for where, value in figures(same, "value").items():
        assert value == pytest.approx(1.0, abs=5e-3 if where[0].startswith("ridge") else 1e-5), where


@pytest.mark.parametrize("seed", [0, 1])
def test_a_space_that_is_rotated_moved_and_rescaled_is_the_same_space(related, seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(30, 30)))
    activities = {name: _activity(x, 7 + len(name)) for name, x in {"left": LEFT, "right": RIGHT, **TWINS}.items()}
    moved = (RIGHT.astype(np.float64) @ turn * 3 + rng.normal(size=30)).astype(np.float32)
    found = run(right=moved, activities=activities, **TWINS)
    for key in ("value", "threshold"):
        before, after = (figures(one, key, ("states", "features")) for one in (related, found))
        for where, value in before.items():
            assert after[where] == pytest.approx(value, abs=2e-3), where


def test_z_scored_states_do_not_know_the_size_of_a_dimension(related):
    sizes = np.geomspace(0.01, 100, 30).astype(np.float32)
    found = run(right=RIGHT * sizes, **TWINS)
    for where, value in figures(related, "value", ("z-scored states",)).items():
        assert figures(found, "value", ("z-scored states",))[where] == pytest.approx(value, abs=2e-3), where
    assert abs(figures(found, "value")["cka", "states"] - figures(related, "value")["cka", "states"]) > 0.05


def test_z_scored_features_all_have_the_same_say():
    """A few loud features that are not shared hide what is; with variance 1 each they are a few of many."""
    rng = np.random.default_rng(6)
    shared = rng.random((ARTICLES, 40))[BLOCKS] < 0.06
    loud = [np.tile(rng.random((ARTICLES, 1)) < 0.5, (1, 12))[BLOCKS] for _ in range(2)]
    sides = [sparse.csr_array(np.hstack([shared, own]).astype(np.float32)) for own in loud]
    found = run(states=False, activities=dict(zip(("left", "right"), sides, strict=True)))
    values = {name: found["measures"]["cka"][name]["value"] for name in ("features", "z-scored features")}
    assert values["z-scored features"] > 2 * values["features"] > 0
    scaled = _unit_variance(sides[0]).toarray()
    assert scaled.std(axis=0) == pytest.approx(np.ones(52), abs=1e-5)


def test_shuffled_articles_are_chance():
    low = 0
    for seed in range(3):
        order = np.concatenate([[2 * a, 2 * a + 1] for a in np.random.default_rng(seed).permutation(ARTICLES)])
        found = run(right=RIGHT[order])
        for where, calibrated in figures(found, "calibrated").items():
            assert calibrated["value"] < 0.02, where
        low += sum(p <= 0.05 for p in figures(found, "p").values())
    assert low <= 11  # of 84 that are not independent


def test_articles_alone_are_chance_too():
    """Passages of one article are alike in both models; that is no relation between the models."""
    found = run(_states(11), _states(12))
    assert max(figures(found, "threshold").values()) > 0.05  # neighbours from the same article
    for where, calibrated in figures(found, "calibrated").items():
        assert calibrated["value"] < 0.02, where


def test_the_ceiling_is_the_repeat_and_states_have_none():
    noisy = (LEFT + np.random.default_rng(5).normal(size=LEFT.shape)).astype(np.float32)
    found = run(left_repeat=noisy)
    for measure in MEASURES:
        features = found["measures"][measure]["features"]
        assert set(features["ceilings"]) == {"a"}
        assert features["ceilings"]["a"]["value"] > features["value"]
        assert features["floors"] == {} and features["highest_floor"] is features["above_floor"] is None
        states = found["measures"][measure]["states"]
        assert states["ceilings"] == {}
        assert states["no_ceiling"] == "a repeat reads the states of its model: the ceiling is 1 by construction"


def test_without_states_only_the_features_are_compared():
    found = run(states=False)
    assert found["measures"]["cka"]["states"] is found["measures"]["cka"]["z-scored states"] is None
    assert found["measures"]["cka"]["features"]["value"] > 0
    assert found["notes"] == [
        f"The dense measures leave the {name} out: the features directories hold no mean hidden states of both models "
        f"(made by an older version), or these do not vary."
        for name in ("states", "z-scored states")
    ]


def test_passages_without_tokens_are_left_out(related):
    rows = np.arange(0, N, 50)
    holed = RIGHT.copy()
    holed[rows] = np.nan
    found = run(
        right=holed,
        activities={name: _activity(x, 7 + len(name)) for name, x in {"left": LEFT, "right": RIGHT}.items()},
    )
    assert found["passages"] == N - rows.size
    assert related["passages"] == N
    value = found["measures"]["cka"]["states"]["value"]
    assert value == pytest.approx(related["measures"]["cka"]["states"]["value"], abs=0.05)
    holed[: N - 20] = np.nan
    assert run(right=holed, activities={"left": _activity(LEFT, 1), "right": _activity(RIGHT, 2)}) is None


def test_a_sample_takes_its_share_of_every_article():
    arena = enter({"left": _activity(LEFT, 1), "right": _activity(RIGHT, 2)}, BLOCKS // 10, CONFIG, Context())
    found = sample_of(arena, np.arange(N), 300, states={})
    assert found.rows.size == 300 == np.unique(found.rows).size
    assert np.bincount(BLOCKS[found.rows] // 10).tolist() == [10] * 30
    for half in found.blocks.halves:
        assert half.rows.size == 150
    assert sample_of(arena, np.arange(N), N, states={}).rows.tolist() == list(range(N))


def test_neighbours_are_counted_among_more_and_more_passages(related, monkeypatch):
    monkeypatch.setattr("samedream.comparison.dense.dense.CURVE", (200, 500, 600))
    monkeypatch.setattr("samedream.comparison.dense.dense.MAX_PASSAGES", 400)
    curve = run()["neighbours_by_passages"]
    assert [point["passages"] for point in curve["states"]] == [200, 400, 500, 600]
    assert [point["passages"] for point in curve["features"]] == [200, 400]
    for points in curve.values():
        assert all(point["threshold"] < point["value"] < 1 for point in points)
    assert curve["states"][-1]["value"] == pytest.approx(figures(related, "value")["neighbours", "states"])


def test_the_same_inputs_give_the_same_figures(related):
    assert run(**TWINS) == related


def test_states_of_other_passages_are_refused():
    activities = {"left": _activity(LEFT, 1), "right": _activity(RIGHT, 2)}
    with pytest.raises(ComparisonError) as error:
        run(right=RIGHT[:-1], activities=activities)
    assert str(error.value) == (
        "context: states of right has shape [599, 30], expected [600, width]: a row for each passage, in the same "
        "order as left's"
    )


def test_passages_that_are_all_equally_far_apart_have_no_figures_of_rounding():
    apart = np.eye(N, dtype=np.float32)
    found = run(LEFT, apart, activities={side: _activity(LEFT, 5) for side in ("left", "right")})["measures"]
    for measure in ("cka", "rsa", "procrustes", "cca", "ridge_a_to_b"):
        assert found[measure]["states"] is None, measure
        assert found[measure]["features"]["value"] > 0.9, measure
    assert found["ridge_b_to_a"]["states"]["value"] == pytest.approx(0.0, abs=0.01)
