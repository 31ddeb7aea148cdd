"""What each kind of dictionary says, and that each one trains."""

import pytest
import torch

from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.training import train_sae
from samedream.sae.variants import variant
from samedream.sae.variants.matryoshka import ends

PRE = torch.tensor([[5.0, 1.0, 4.0, -2.0], [0.5, 3.0, 0.2, 0.1], [-1.0, -1.0, -1.0, 2.0]])
STRENGTH = {"l1_topk": {"l1_strength": 1e-3}, "l1": {"l1_strength": 0.06}}
NAMES = ["batchtopk", "topk", "l1_topk", "l1", "matryoshka", "jumprelu", "frozen"]


@pytest.mark.parametrize(
    ("name", "architecture", "rule", "calibrated", "chosen"),
    [
        # k = 1, 3 rows: the three largest of all are 5, 4 (row 0) and 3 (row 1)
        ("batchtopk", "jumprelu", "batch", True, [0, 2, 5]),
        ("matryoshka", "jumprelu", "batch", True, [0, 2, 5]),
        ("frozen", "jumprelu", None, True, [0, 2, 5]),
        # the largest of each row: 5, 3, 2
        ("topk", "topk", "row", False, [0, 5, 11]),
        ("l1_topk", "topk", "row", False, [0, 5, 11]),
        # all that is positive
        ("l1", "jumprelu", None, False, [0, 1, 2, 4, 5, 6, 7, 11]),
        ("jumprelu", "jumprelu", None, False, [0, 1, 2, 4, 5, 6, 7, 11]),
    ],
)
def test_what_a_variant_says(name, architecture, rule, calibrated, chosen):
    kind = variant(SAEConfig(variant=name, k=1), 4)
    assert (kind.architecture, kind.rule, kind.calibrated, kind.k) == (architecture, rule, calibrated, 1)
    assert kind.select(PRE).tolist() == chosen
    assert kind.frozen_decoder == (name == "frozen")
    assert (kind.jump is not None) == (name == "jumprelu")
    assert kind.nested == ((1, 2, 4) if name == "matryoshka" else (4,))
    assert kind.penalty == {"l1_topk": 1e-3, "l1": 7e-3}.get(name, 0.0)


def test_every_name_of_the_settings_is_a_variant():
    assert list(SAEConfig.model_fields["variant"].annotation.__args__) == NAMES


def test_ends():
    assert ends((1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), 2560) == (160, 320, 640, 1280, 2560)
    assert ends((1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), 8) == (1, 2, 4, 8)  # 0.5 and 1 of 8 features are 1 both
    assert ends((1.0,), 5) == (5,)


def test_thresholds_start_where_k_features_exceed_them():
    # of a normal distribution 2.275 % lie 2 standard deviations above the mean
    assert variant(SAEConfig(variant="jumprelu", k=91), 4000).jump.start == pytest.approx(2.0, abs=1e-3)
    assert variant(SAEConfig(variant="jumprelu", k=8), 10).jump.start == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_trains_and_is_read_back(name, plant, tmp_path):
    vectors, _ = plant(2000)
    given = {"k": 4, "width": 64, "batch_rows": 256, "steps": 120, "learning_rate": 5e-3}
    sae, report = train_sae(vectors, SAEConfig(variant=name, **given, **STRENGTH.get(name, {})))
    first, last = report.history[0], report.history[-1]
    assert last.unexplained < 0.8 * first.unexplained
    assert report["variance_explained"] > {"frozen": 0.1, "l1": 0.5}.get(name, 0.6)
    assert 3 < report["l0"] < (20 if name == "l1" else 6)  # l1 knows no k
    sae.save(tmp_path)
    again = SparseAutoencoder.load(tmp_path)
    assert torch.equal(again.encode(vectors[:50]), sae.encode(vectors[:50]))
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.full((64,), 1 / report.scale), rtol=1e-5, atol=0)


def test_a_frozen_decoder_stays_as_it_is(plant):
    vectors, _ = plant(1000)
    runs = [train_sae(vectors, SAEConfig(variant="frozen", k=4, batch_rows=256, steps=steps)) for steps in (1, 40)]
    torch.testing.assert_close(runs[0][0].W_dec, runs[1][0].W_dec, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(runs[0][0].W_enc, runs[1][0].W_enc, atol=1e-2)


def test_plain_l1_is_a_relu(plant):
    vectors, _ = plant(1000)
    sae, report = train_sae(vectors, SAEConfig(variant="l1", k=4, batch_rows=256, steps=40))
    assert report.threshold == 0.0
    assert torch.equal(sae.encode(vectors), sae.pre_activations(vectors).relu())


def test_a_larger_l1_strength_leaves_fewer_features(plant):
    vectors, _ = plant(1000)
    given = {"variant": "l1", "k": 4, "batch_rows": 256, "steps": 80, "learning_rate": 5e-3}
    weak, strong = (train_sae(vectors, SAEConfig(**given, l1_strength=strength))[1] for strength in (0.01, 0.06))
    assert strong["l0"] < 0.7 * weak["l0"]


def test_jumprelu_learns_a_threshold_for_each_feature_and_keeps_to_k(plant):
    vectors, _ = plant(4000)
    config = SAEConfig(variant="jumprelu", k=6, width=64, batch_rows=256, steps=250, learning_rate=5e-3)
    sae, report = train_sae(vectors, config)
    assert report.threshold is None
    assert sae.threshold.std() > 0.01
    assert (sae.threshold >= 0).all()
    assert report["l0"] == pytest.approx(6, rel=0.15)


def test_the_first_features_of_a_matryoshka_explain_more_than_those_of_another(plant):
    vectors, _ = plant(3000)
    given = {"k": 4, "width": 64, "batch_rows": 256, "steps": 300, "learning_rate": 5e-3}
    explained = []
    for config in (SAEConfig(variant="matryoshka", nested=(0.125, 1.0), **given), SAEConfig(**given)):
        sae, _ = train_sae(vectors, config)
        features = sae.encode(vectors)
        features[:, 8:] = 0.0
        left = (sae.decode(features) - vectors).square().sum() / (vectors - vectors.mean(0)).square().sum()
        explained.append(1 - float(left))
    assert explained[0] > explained[1] + 0.05
