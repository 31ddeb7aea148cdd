"""Training: planted truth, determinism, what cannot be trained on."""

import sys

import numpy as np
import pytest
import torch

from samedream.errors import TrainingError
from samedream.sae.config import SAEConfig
from samedream.sae.optimiser import share_of_rate
from samedream.sae.plan import as_matrix, make_plan
from samedream.sae.reference import TorchEngine
from samedream.sae.trainer import Trainer
from samedream.sae.training import train_sae
from samedream.sae.variants import variant

QUICK = {"batch_rows": 128, "steps": 20, "k": 4}


@pytest.mark.parametrize("name", ["batchtopk", "topk", "l1_topk"])
def test_planted_directions_are_found(name, plant):
    vectors, directions = plant(8000)
    strength = {"l1_strength": 1e-3} if name == "l1_topk" else {}
    sae, report = train_sae(
        vectors, SAEConfig(variant=name, width=96, k=3, batch_rows=256, steps=500, learning_rate=5e-3, **strength)
    )
    found = torch.nn.functional.normalize(sae.W_dec, dim=1)
    best = (directions @ found.T).max(1).values
    assert best.mean() > 0.9
    assert report["variance_explained"] > 0.85
    assert report["l0"] == pytest.approx(3, rel=0.02)
    assert report.history[-1].step == 500
    assert report.history[-1].unexplained < report.history[0].unexplained / 3


def test_what_the_report_says_is_what_the_dictionary_does(plant):
    vectors, _ = plant(2000)
    sae, report = train_sae(vectors, SAEConfig(**QUICK))
    held_out = np.sort(np.random.default_rng(0).permutation(2000)[:200])
    rows = vectors[held_out]
    features = sae.encode(rows)
    assert report.held_out_rows == 200
    assert report.rows == 1800
    assert report["l0"] == pytest.approx(4.0)  # calibrated on these rows
    assert float((features > 0).sum(1).float().mean()) == pytest.approx(4.0)
    left = (sae.decode(features) - rows).square().sum() / (rows - rows.mean(0)).square().sum()
    assert report["variance_explained"] == pytest.approx(1 - float(left), abs=1e-4)
    assert report.threshold == pytest.approx(float(sae.threshold[0]))
    assert report.vectors_per_second > 0
    assert "vectors_per_second" not in str(report.record())
    # decoder rows had norm 1 before the scale was folded in
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.full((128,), 1 / report.scale), rtol=1e-5, atol=0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["batchtopk", "l1_topk"])
def test_the_same_seed_gives_the_same_bits(threads, name, plant, request):
    before = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(before))
    torch.set_num_threads(threads)
    vectors, _ = plant(1200, d=48)
    config = SAEConfig(variant=name, k=8, batch_rows=256, steps=10)
    (one, first), (two, second) = train_sae(vectors, config), train_sae(vectors, config)
    for key in ("W_enc", "b_enc", "W_dec", "b_dec"):
        assert torch.equal(getattr(one, key), getattr(two, key))
    assert first.record() == second.record()
    other, _ = train_sae(vectors, config.model_copy(update={"seed": 1}))
    assert not torch.equal(one.W_enc, other.W_enc)


def test_global_seeds_play_no_part(plant):
    vectors, _ = plant(500)
    torch.manual_seed(1)
    one, _ = train_sae(vectors, SAEConfig(**QUICK))
    torch.manual_seed(2)
    two, _ = train_sae(vectors, SAEConfig(**QUICK))
    assert torch.equal(one.W_enc, two.W_enc)


def test_a_store_is_split_by_article(plant, fake_store):
    store = fake_store(plant(2000)[0])
    reports = {
        part: train_sae(store, SAEConfig(**QUICK, articles=part))[1] for part in ("all", "first half", "second half")
    }
    held_out = {report.held_out_rows for report in reports.values()}
    assert len(held_out) == 1
    assert held_out.pop() % 80 == 0  # whole articles, of 80 rows each
    assert reports["first half"].rows + reports["second half"].rows == reports["all"].rows


def test_numpy_and_other_dtypes_are_taken(plant):
    vectors, _ = plant(500)
    one, _ = train_sae(vectors, SAEConfig(**QUICK))
    two, _ = train_sae(vectors.double().numpy(), SAEConfig(**QUICK))
    assert torch.equal(one.W_enc, two.W_enc)


def test_scale_and_mean_of_the_input_play_no_part(plant):
    vectors, _ = plant(2000)
    one, first = train_sae(vectors, SAEConfig(**QUICK))
    _, second = train_sae(vectors * 1000 + 5000, SAEConfig(**QUICK))
    assert second["variance_explained"] == pytest.approx(first["variance_explained"], abs=0.02)


def test_learning_rate_schedule():
    # 100 steps: up over 5, down over the last 25
    shares = [share_of_rate(step, 100) for step in range(100)]
    assert shares[0] == pytest.approx(0.2)
    assert shares[4:75] == [1.0] * 71
    assert shares[76] == pytest.approx(24 / 25)
    assert shares[99] == pytest.approx(1 / 25)
    assert share_of_rate(0, 1) == 1.0


def test_a_feature_that_stops_firing_is_dead_and_comes_back():
    plan = make_plan(SAEConfig(width=8, k=2, steps=200, batch_rows=64, learning_rate=0.01), 1000, 4)
    assert plan.dead_after == 10
    trainer = Trainer(4, plan, variant(SAEConfig(k=2), 8), seed=0)
    rows = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    trainer.weights.encoder_bias[3] = -3.0
    for _ in range(plan.dead_after):
        trainer.step(rows)
    assert trainer.dead().tolist() == [3]
    trainer.weights.encoder_bias[3] = 0.0  # close enough to fire a little: AuxK has something to pull
    trainer.step(rows)
    assert trainer.dead().tolist() == []
    norms = trainer.weights.decoder.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(8))


def test_too_few_vectors():
    with pytest.raises(TrainingError) as error:
        train_sae(torch.randn(100, 32), SAEConfig(k=4))
    assert str(error.value) == (
        "90 training vectors for 128 features: expected at least one vector per feature. Read more passages, or lower "
        "expansion (now 4) or width"
    )


def test_k_above_the_width():
    with pytest.raises(TrainingError) as error:
        train_sae(torch.randn(100, 4), SAEConfig())
    assert str(error.value) == (
        "k is 32 and there are 16 features: expected k below the number of features. Lower k, or raise expansion (now "
        "4, hidden states have 4 dimensions) or width"
    )


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_broken_vectors(value, plant):
    vectors, _ = plant(500)
    vectors[7, 3] = vectors[300, 0] = value
    with pytest.raises(TrainingError) as error:
        train_sae(vectors, SAEConfig(**QUICK))
    assert str(error.value) == (
        "2 of 500 vectors have NaN or infinite values, the first is row 7: expected finite numbers. The model "
        'overflowed while it was read, or they were damaged since: harvest again in float32 (dtype = "float32" in '
        "[activations])"
    )


@pytest.mark.parametrize("row", [torch.zeros(16), torch.linspace(-1e3, 1e3, 16)])
def test_vectors_that_are_all_the_same(row):
    with pytest.raises(TrainingError) as error:
        train_sae(row.repeat(200, 1), SAEConfig(k=4))
    assert str(error.value) == (
        "all 180 training vectors are the same: there is nothing to explain. Expected hidden states of different "
        "tokens; look at the harvest (layer, pooling) they come from"
    )


def test_constant_dimensions_are_no_obstacle(plant):
    vectors, _ = plant(500)
    vectors[:, 5] = 3.0
    sae, report = train_sae(vectors, SAEConfig(**QUICK))
    assert torch.isfinite(sae.W_enc).all()
    assert sae.decode(sae.encode(vectors))[:, 5].mean().item() == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (torch.zeros(5), "a Tensor of shape [5]"),
        (torch.zeros(3, 5).to_sparse(), "a Tensor of shape [3, 5]"),
        ([[1.0]], "a list"),
        (np.array([["a"]]), "a ndarray of shape [1, 1]"),
    ],
)
def test_no_matrix(given, found):
    with pytest.raises(TrainingError) as error:
        train_sae(given, SAEConfig())
    assert str(error.value) == (
        f"found {found} to train on, expected a matrix of numbers [rows, d] (torch or numpy) or a finished harvest "
        f"(ActivationStore)"
    )


def test_arrays_of_any_kind_of_number_train(tmp_path):
    given = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "rows.npy", given)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")  # read-only: no warning (an error in tests), no copy
    for one in (mapped, given.astype(">f4"), given.astype(np.longdouble), given.astype(np.int16), given[::-1][::-1]):
        assert torch.equal(as_matrix(one), torch.from_numpy(given))


def test_nothing_to_train_on(fake_store):
    with pytest.raises(TrainingError) as error:
        train_sae(fake_store(torch.zeros(0, 8)), SAEConfig())
    assert str(error.value) == "the harvest holds no vectors: expected some. Read passages with text in them"
    with pytest.raises(TrainingError) as error:
        train_sae(torch.zeros(1, 8), SAEConfig(k=2))
    assert str(error.value) == (
        "1 vectors leave 0 to train on and 1 held out: expected some of each. Read passages of more articles"
    )


@pytest.mark.parametrize("name", ["batchtopk", "jumprelu"])
def test_a_run_that_diverges_says_so(name, plant):
    vectors, _ = plant(500)
    with pytest.raises(
        TrainingError,
        match=r"^the loss is (nan|inf) at step \d+: training diverged. Lower "
        r"learning_rate \(now 1e\+30\)$",
    ):
        train_sae(vectors, SAEConfig(**QUICK, variant=name, learning_rate=1e30))


def test_without_numba_the_plain_path_trains(plant, monkeypatch):
    monkeypatch.setitem(sys.modules, "samedream.sae.fused.engine", None)  # as if its import failed
    plan = make_plan(SAEConfig(**QUICK), 1000, 32)
    assert isinstance(Trainer(32, plan, variant(SAEConfig(**QUICK), plan.width), seed=0).engine, TorchEngine)
    _, report = train_sae(plant(1000)[0], SAEConfig(**QUICK))
    assert report["l0"] == pytest.approx(4, rel=0.05)
