"""Health figures by hand."""

import numpy as np
import pytest
import torch

from samedream.records import Interval
from samedream.sae.advice import judge
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.health import decoder_cosines, gini, measure_health


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([3, 3, 3], 0.0),
        ([0, 0, 0, 8], 0.75),  # one of n has everything: (n - 1) / n
        ([1, 3], 0.25),  # mean absolute difference (0 + 2 + 2 + 0) / 4 = 1, over twice the mean 4
        ([0, 0], 0.0),
    ],
)
def test_gini(uses, expected):
    assert gini(np.array(uses)) == pytest.approx(expected)


def test_decoder_cosines():
    # pairs: (x, y) 0, (x, 45 degrees) .7071, (x, -x) -1, (y, 45) .7071, (y, -x) 0, (45, -x) -.7071
    decoder = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 3.0], [-1.0, 0.0]])
    found = decoder_cosines(decoder)
    assert found["decoder_cosine_mean"] == pytest.approx((2 * 0.70711 - 0.70711 - 1) / 6, abs=1e-5)
    assert found["decoder_cosine_max"] == pytest.approx(0.70711, abs=1e-5)
    assert found["decoder_cosine_p95"] == pytest.approx(0.70711, abs=1e-4)


def test_decoder_cosines_in_blocks_equal_the_full_matrix(monkeypatch):
    decoder = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("samedream.sae.health._BLOCK", 16)
    found = decoder_cosines(decoder)
    unit = torch.nn.functional.normalize(decoder, dim=1)
    pairs = (unit @ unit.T)[torch.ones(50, 50, dtype=torch.bool).triu(1)].numpy()
    assert found["decoder_cosine_mean"] == pytest.approx(pairs.mean(), abs=1e-6)
    assert found["decoder_cosine_p95"] == pytest.approx(np.quantile(pairs, 0.95, method="inverted_cdf"), abs=1.01e-4)
    assert found["decoder_cosine_max"] == pytest.approx(pairs.max(), abs=1e-6)


def eye_dictionary(threshold):
    """Four features: +x, +y, -x and one that never fires."""
    encoder = torch.tensor([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    weights = {
        "W_enc": encoder,
        "b_enc": torch.tensor([0.0, 0.0, 0.0, -1.0]),
        "b_dec": torch.tensor([10.0, 20.0]),
        "W_dec": torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]]),
        "threshold": torch.full((4,), threshold),
    }
    return SparseAutoencoder("jumprelu", weights)


def test_figures_by_hand():
    rows = torch.tensor([[12.0, 20.0], [10.0, 23.0], [9.0, 21.0], [9.0, 20.0]])
    metrics = {m.key: m for m in measure_health(eye_dictionary(1.5), rows, np.array([0, 1]), others=np.array([2, 3]))}
    # held-out rows (2, 0) and (0, 3): each one feature, both exact; rows 2 and 3 stay below the threshold
    assert metrics["variance_explained"].value == pytest.approx(1.0)
    assert metrics["l0"].value == 1.0
    assert metrics["density"].value == 0.25
    assert metrics["dead_share"].value == 0.5
    assert metrics["gini"].value == pytest.approx(0.5)
    metrics = {m.key: m for m in measure_health(eye_dictionary(0.5), rows, np.array([0, 1, 2, 3]), others=np.array([]))}
    assert metrics["variance_explained"].value == pytest.approx(1.0)
    assert metrics["l0"].value == 5 / 4
    assert metrics["dead_share"].value == 0.25


def test_cosine_is_measured_from_the_mean_of_the_rows():
    # rows from their mean (10, 21): (2, -1), (0, 2), (-2, -1); only +x and +y fire above 1.5, so they come back as
    # (12, 20), (10, 23), (10, 20): from the mean (2, -1), (0, 2), (0, -1); cosines 1, 1, 1 / sqrt 5
    rows = torch.tensor([[12.0, 20.0], [10.0, 23.0], [8.0, 20.0]])
    dictionary = eye_dictionary(1.5)
    dictionary.b_enc = torch.tensor([0.0, 0.0, -9.0, -1.0])
    metrics = {m.key: m for m in measure_health(dictionary, rows, np.arange(3), others=np.array([], np.int64))}
    assert metrics["cosine"].value == pytest.approx((1 + 1 + 5**-0.5) / 3)
    assert metrics["variance_explained"].value == pytest.approx(1 - 4 / 14)


def test_l0_has_a_median_and_a_95th_percentile():
    # 20 rows: 18 with one feature, one with two (+x, +y), one with none
    rows = torch.tensor([[12.0, 20.0]] * 18 + [[12.0, 23.0], [10.0, 20.0]])
    metrics = {m.key: m for m in measure_health(eye_dictionary(1.5), rows, np.arange(20), others=np.array([0]))}
    assert (metrics["l0"].value, metrics["l0_median"].value, metrics["l0_p95"].value) == (1.0, 1.0, 1.0)
    metrics = {m.key: m for m in measure_health(eye_dictionary(1.5), rows, np.arange(10, 20), others=np.array([0]))}
    assert (metrics["l0_median"].value, metrics["l0_p95"].value) == (1.0, 2.0)


def test_variance_explained_is_against_the_mean_of_the_rows():
    # threshold above everything: the reconstruction is b_dec = (10, 20) for both rows
    # errors (2, 0), (0, 3): 13; around their mean (11, 21.5): (1, -1.5), (-1, 1.5): 6.5; 1 - 13 / 6.5 = -1
    rows = torch.tensor([[12.0, 20.0], [10.0, 23.0]])
    metrics = measure_health(eye_dictionary(99.0), rows, np.array([0, 1]), others=np.array([], np.int64))
    assert metrics[0].value == pytest.approx(-1.0)


def test_dead_rows_beyond_the_held_out_ones_revive_a_feature():
    rows = torch.tensor([[12.0, 20.0], [10.0, 23.0], [5.0, 20.0]])
    alive = measure_health(eye_dictionary(1.5), rows, np.array([0, 1]), others=np.array([2]))
    assert {m.key: m.value for m in alive}["dead_share"] == 0.25


VALUES = {
    "variance_explained": 0.8,
    "cosine": 0.9,
    "l0": 32.0,
    "l0_median": 30.0,
    "l0_p95": 60.0,
    "dead_share": 0.1,
    "density": 0.03,
    "gini": 0.4,
    "decoder_cosine_mean": 0.0,
    "decoder_cosine_p95": 0.1,
    "decoder_cosine_max": 0.5,
}


def test_healthy_figures_get_no_advice():
    found = judge(VALUES)
    assert [m.key for m in found] == list(VALUES)
    assert [m.healthy for m in found] == [None, None, True, None, None] + [True] * 6
    assert all(not m.advice for m in found)
    assert {m.key: (m.low, m.high) for m in found} == {
        "variance_explained": (None, None),
        "cosine": (None, None),
        "l0": (32, 64),
        "l0_median": (None, None),
        "l0_p95": (None, None),
        "dead_share": (0.05, 0.2),
        "density": (0.02, 0.1),
        "gini": (0.2, 0.6),
        "decoder_cosine_mean": (None, 0.3),
        "decoder_cosine_p95": (None, 0.6),
        "decoder_cosine_max": (None, 0.95),
    }


@pytest.mark.parametrize(
    ("key", "value", "knobs"),
    [
        ("l0", 20.0, ["raise k (topkFeatures)"]),
        ("l0", 90.0, ["lower k (topkFeatures)", "raise l1_strength (l1Strength)"]),
        ("dead_share", 0.5, ["lower expansion (codeDimsMultiplier)", "raise k (topkFeatures)", "more data"]),
        ("dead_share", 0.01, ["does no harm"]),
        ("density", 0.01, ["raise k (topkFeatures)", "lower expansion (codeDimsMultiplier)"]),
        ("density", 0.2, ["lower k (topkFeatures)", "raise l1_strength (l1Strength)"]),
        ("gini", 0.1, ["raise l1_strength (l1Strength)"]),
        ("gini", 0.9, ["more varied data", "lower l1_strength (l1Strength)"]),
        ("decoder_cosine_mean", 0.4, ["lower expansion (codeDimsMultiplier)"]),
        ("decoder_cosine_p95", 0.7, ["more varied data"]),
        ("decoder_cosine_max", 1.0, ["duplicates", "lower expansion (codeDimsMultiplier)"]),
        ("ce_recovered", 0.8, ["raise k (topkFeatures)", "expansion (codeDimsMultiplier)", "more data"]),
        ("kl_recovered", 0.8, ["raise k (topkFeatures)"]),
    ],
)
def test_advice_names_the_knob(key, value, knobs):
    metric = next(m for m in judge({**VALUES, key: value}) if m.key == key)
    assert metric.healthy is False
    assert metric.interval is None
    for knob in knobs:
        assert knob in metric.advice


def test_an_interval_stays_with_its_figure():
    interval = Interval(0.93, 0.88, 0.95)
    (metric,) = judge({"ce_recovered": interval})
    assert (metric.value, metric.interval, metric.healthy) == (0.93, interval, True)
    with pytest.raises(ValueError, match="'nothing' is not in list"):
        judge({"nothing": 1.0})


def test_a_figure_is_judged_as_it_is_shown():
    assert next(m for m in judge({**VALUES, "l0": 31.96}) if m.key == "l0").healthy is True
    assert [judge({"gini": value})[0].healthy for value in (0.604, 0.606)] == [True, False]
