import numpy as np
import pytest

from samedream.comparison.arena import enter
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.nulls import calibrated
from samedream.comparison.seeds import crossed_variance, seed_variance

QUICK = ComparisonConfig(permutations=20)


def test_by_hand():
    # rows .5 and .3, columns .45 and .35: (.2^2 + .1^2) / 2
    assert crossed_variance(np.array([[0.55, 0.45], [0.35, 0.25]])) == pytest.approx(0.025)
    assert crossed_variance(np.full((2, 2), 0.4)) == 0.0


def test_it_is_the_variance_of_one_figure_on_average():
    rng = np.random.default_rng(0)
    a, b, ab = (sd * rng.normal(size=(20_000, *shape)) for sd, shape in ((0.3, (2, 1)), (0.2, (1, 2)), (0.1, (2, 2))))
    found = np.mean([crossed_variance(u) for u in a + b + ab])
    assert found == pytest.approx(0.3**2 + 0.2**2 + 0.1**2, rel=0.03)


def test_the_four_crossings_of_a_planted_pair(planted):
    pair = planted(0.5, seed=31, articles=300, left=120, right=150)
    given = {"left": pair.left, "right": pair.right, **pair.inputs()}
    arena = enter(given, pair.blocks, QUICK, Context())
    found = arena.pairing("left", "right")
    tau = float(np.unique(found.null.threshold)[0])  # one stratum: 120 features
    u = [
        [calibrated(arena.matching(one, other).r, tau).mean() for other in ("right", "right_repeat")]
        for one in ("left", "left_repeat")
    ]
    assert seed_variance(arena, "left", "right", found) == pytest.approx(crossed_variance(np.array(u)))
    del arena.sides["right_repeat"]
    assert seed_variance(arena, "left", "right", found) is None


def test_universality_has_a_wider_interval_where_there_are_two_seeds(planted):
    pair = planted(0.5, seed=32, articles=300, left=120, right=150)
    alone = compare(pair.left, pair.right, pair.blocks, QUICK)
    both = compare(
        pair.left, pair.right, pair.blocks, QUICK, left_repeat=pair.left_repeat, right_repeat=pair.right_repeat
    )
    assert both.universality.a_to_b.value == alone.universality.a_to_b.value
    assert both.universality.a_to_b.high > alone.universality.a_to_b.high
    assert any("another seed of the dictionary" in note for note in alone.notes)
    assert not any("do not hold what another seed" in note for note in both.notes)
