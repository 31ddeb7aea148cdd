import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samedream.comparison.decoys import competition_q


def test_by_hand():
    # wins .5 .4 .3 .1, losses .2 .05: at .3 and above no loss, (1 + 0) / 3; at .1 one loss, (1 + 1) / 4
    r = np.array([0.6, 0.5, 0.4, 0.2, 0.1, 0.15])
    decoy = np.array([0.1, 0.1, 0.1, 0.1, 0.3, 0.2])
    assert competition_q(r, decoy).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.5, 1.0, 1.0])


def test_features_that_a_twin_shows_as_well_change_nothing():
    rng = np.random.default_rng(0)
    r = np.concatenate([rng.uniform(0.4, 0.8, 50), rng.normal(0, 0.02, 50)])
    decoy = rng.normal(0, 0.02, 100)
    alone = competition_q(r, decoy)
    token = rng.uniform(0.7, 0.9, 40)
    beside = competition_q(np.concatenate([r, token]), np.concatenate([decoy, token]))
    assert beside[:100] == pytest.approx(alone)
    assert beside[100:].tolist() == [1.0] * 40
    assert (alone[:50] <= 0.05).all()
    assert (alone[50:] <= 0.05).mean() < 0.2


@pytest.mark.parametrize("shared", [0.0, 0.2, 0.6])
def test_the_false_rate_is_kept(shared):
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(300):
        truth = rng.random(300) < shared
        decoy = rng.exponential(0.1, 300)
        r = np.where(truth, rng.normal(0.35, 0.15, 300), rng.exponential(0.1, 300))
        passes = competition_q(r, decoy) <= 0.1
        rates.append((passes & ~truth).sum() / max(1, passes.sum()))
    assert np.mean(rates) <= 0.11


values = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1, 1))


@given(values, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_a_larger_win_is_never_worse(r, random):
    decoy = np.array([random.uniform(-1, 1) for _ in r])
    q = competition_q(r, decoy)
    order = np.array(random.sample(range(r.size), r.size))
    assert competition_q(r[order], decoy[order]) == pytest.approx(q[order])
    win = r - decoy
    assert (q[win <= 0] == 1).all()
    assert (np.diff(q[np.argsort(-win, kind="stable")]) >= 0).all()
    assert ((q > 0) & (q <= 1)).all()
