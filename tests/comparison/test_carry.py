import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from samedream.comparison.arena import enter
from samedream.comparison.carry import carried, fit, r_squared, to_twins
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.errors import ComparisonError

CONFIG = ComparisonConfig(permutations=20)
N, D, FEATURES = 900, 30, 50


@pytest.fixture(scope="module")
def planted_pair():
    """Right's space is left's turned; the first 30 features are the same ones turned, the others are not shared."""
    rng = np.random.default_rng(0)
    left = rng.normal(size=(N, D)).astype(np.float32)
    turn, _ = np.linalg.qr(rng.normal(size=(D + 5, D)))  # [D + 5, D], orthonormal columns
    right = (left @ turn.T + rng.normal(size=(N, D + 5)) * 0.1 + 4).astype(np.float32)
    decoder = rng.normal(size=(FEATURES, D))
    other = decoder @ turn.T * 5
    other[30:] = rng.normal(size=(FEATURES - 30, D + 5))

    def activity(states, directions):
        pre = (states - states.mean(axis=0)) @ directions.T
        return sparse.csr_array(np.maximum(pre - np.quantile(pre, 0.85, axis=0), 0).astype(np.float32))

    activities = {"left": activity(left, decoder), "right": activity(right, other)}
    context = Context(
        states={"left": left, "right": right},
        decoders={"left": decoder.astype(np.float32), "right": other.astype(np.float32)},
    )
    return activities, context


def _arena(activities, context):
    return enter(activities, np.arange(N) // 2, CONFIG, context)


SHARED = np.arange(FEATURES) < 30


@pytest.mark.parametrize(("source", "target"), [("left", "right"), ("right", "left")])
def test_shared_features_point_where_their_partners_point(planted_pair, source, target):
    found = carried(_arena(*planted_pair), source, target, passes=SHARED)
    assert found.cosine.shape == (FEATURES,)
    assert found.cosine[SHARED].min() > 0.95
    passing = found.figures["passing"]
    assert passing["features"] == 30
    assert passing["mean"] == pytest.approx(found.cosine[:30].mean())
    assert abs(passing["null_mean"]) < 0.1 < passing["mean"]
    assert passing["null_mean"] < passing["null_high"] < 0.2
    assert passing["p"] == pytest.approx(1 / 101)
    assert passing["above_null"] == 1.0
    assert found.figures["all"]["features"] == FEATURES
    assert 0.8 < found.figures["map_r_squared"] < 1.0


def test_directions_of_another_space_point_anywhere(planted_pair):
    activities, context = planted_pair
    rng = np.random.default_rng(1)
    decoders = {side: rng.normal(size=x.shape).astype(np.float32) for side, x in context.decoders.items()}
    found = carried(
        _arena(activities, Context(states=context.states, decoders=decoders)), "left", "right", passes=SHARED
    )
    assert abs(found.figures["all"]["mean"]) < 0.08
    assert found.figures["all"]["p"] > 0.01
    assert found.figures["all"]["above_null"] < 0.2


def test_unrelated_spaces_carry_nothing_though_partners_were_chosen():
    """The map is fitted on other articles than those that chose the partners: noise cannot be counted twice."""
    rng = np.random.default_rng(2)
    states = {side: rng.normal(size=(N, D)).astype(np.float32) for side in ("left", "right")}
    decoders = {side: rng.normal(size=(300, D)).astype(np.float32) for side in states}
    activities = {
        side: sparse.csr_array(np.maximum(states[side] @ decoders[side].T - 7, 0).astype(np.float32)) for side in states
    }
    arena = _arena(activities, Context(states=states, decoders=decoders))
    passes = np.ones(arena.sides["left"].eligible.size, dtype=np.bool_)
    found = carried(arena, "left", "right", passes=passes)
    assert abs(found.figures["all"]["mean"]) < 0.03
    assert found.figures["map_r_squared"] < 0.01


def test_passages_without_tokens_are_left_out(planted_pair):
    activities, context = planted_pair
    states = {side: x.copy() for side, x in context.states.items()}
    states["right"][::9] = np.nan
    found = carried(
        _arena(activities, Context(states=states, decoders=context.decoders)), "left", "right", passes=SHARED
    )
    assert found.cosine[SHARED].min() > 0.95


def test_no_passing_feature_no_figure(planted_pair):
    found = carried(_arena(*planted_pair), "left", "right", passes=np.zeros(FEATURES, dtype=np.bool_))
    assert found.figures["passing"] is None
    assert found.figures["all"] is not None


def test_twins_are_carried_as_well(planted_pair):
    activities, context = planted_pair
    unrelated = np.random.default_rng(5).normal(size=(N, D)).astype(np.float32)
    activity = sparse.csr_array(np.maximum(unrelated @ context.decoders["left"].T - 5, 0).astype(np.float32))
    arena = _arena(
        activities | {"left_floor": activities["left"], "right_floor": activity},
        Context(
            states=context.states | {"left_floor": context.states["left"], "right_floor": unrelated},
            decoders=context.decoders
            | {"left_floor": context.decoders["left"], "right_floor": context.decoders["left"]},
        ),
    )
    found = to_twins(arena, "left", "right")
    assert found["to twin"] == found["twin to twin"]  # left's twin is left itself here
    assert abs(found["to twin"]["mean"]) < 0.1
    assert found["to twin"]["map_r_squared"] < 0.01
    assert found["to twin"]["features"] == arena.sides["left"].eligible.size
    back = to_twins(arena, "right", "left")
    assert back["to twin"]["mean"] == pytest.approx(carried(arena, "right", "left").figures["all"]["mean"])
    assert back["twin to twin"]["map_r_squared"] < 0.01
    assert to_twins(_arena(*planted_pair), "left", "right") == {"to twin": None, "twin to twin": None}


def test_without_states_or_decoders_there_is_none(planted_pair):
    activities, context = planted_pair
    for lacking in (
        Context(states=context.states),
        Context(decoders=context.decoders),
        Context(states=context.states, decoders={"left": context.decoders["left"]}),
    ):
        assert carried(_arena(activities, lacking), "left", "right", passes=SHARED) is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_states_that_do_not_vary_carry_nothing(planted_pair, side):
    activities, context = planted_pair
    still = context.states | {side: np.ones_like(context.states[side])}
    arena = _arena(activities, Context(states=still, decoders=context.decoders))
    assert carried(arena, "left", "right", passes=SHARED) is None


def test_a_decoder_of_another_dictionary_is_refused(planted_pair):
    activities, context = planted_pair
    decoders = context.decoders | {"right": context.decoders["right"][:-1]}
    with pytest.raises(ComparisonError) as error:
        carried(_arena(activities, Context(states=context.states, decoders=decoders)), "left", "right", passes=SHARED)
    assert str(error.value) == "the decoder of right has shape (49, 35), expected (50, 35)"


def test_the_map_is_ridge_regression_with_the_penalty_of_least_generalised_error():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 20)) * np.geomspace(3, 0.1, 20) + 2
    y = x @ rng.normal(size=(20, 7)) + rng.normal(size=(80, 7)) * 4
    centred, target = x - x.mean(axis=0), y - y.mean(axis=0)
    scores = {}
    for share in np.logspace(-7, 0, 15):
        penalty = share * np.linalg.eigvalsh(centred.T @ centred)[-1]
        hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(20), centred.T)
        scores[penalty] = ((target - hat @ target) ** 2).sum() / (80 - 1 - np.trace(hat)) ** 2
    expected = Ridge(alpha=min(scores, key=scores.get)).fit(x, y).coef_.T
    found = fit(x.astype(np.float32), y.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_more_dimensions_than_passages_still_give_a_map():
    x, y = np.random.default_rng(4).normal(size=(2, 20, 50)).astype(np.float32)
    assert np.isfinite(fit(x, y)).all()


def test_r_squared_by_hand():
    fitted = np.array([[0.0], [2.0]], np.float32), np.array([[1.0], [3.0]], np.float32)  # means 1 and 2
    held_out = np.array([[2.0], [0.0]], np.float32), np.array([[4.0], [2.0]], np.float32)  # centred: 1, -1 and 2, 0
    slope = np.array([[1.0]], np.float32)
    assert r_squared(slope, fitted=fitted, held_out=held_out) == pytest.approx(1 - (1 + 1) / 4)
