"""The loss figures: formulas by hand, the bootstrap against a slow one, and a tiny model."""

import shutil

import msgspec
import numpy as np
import pytest
import torch

from samedream import artifacts
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.splice import SplicedLosses
from samedream.activations.store import ActivationStore
from samedream.corpus.store import save_passages
from samedream.errors import MissingArtifactError, ModelNotFoundError, StaleArtifactError
from samedream.records import Interval
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.downstream import (
    figures,
    held_out_passages,
    measure_downstream,
    training_mean,
    with_downstream,
)
from samedream.sae.split import article_place
from samedream.sae.store import load_health

CONFIG = SAEConfig(downstream_passages=3)
KEYS = ["ce_clean", "ce_reconstructed", "ce_ablated", "ce_recovered", "kl_reconstructed", "kl_recovered"]


def sums(predicted, clean, replaced, ablated, kl, kl_ablated):
    whole = np.array(predicted, np.int64)
    parts = {
        "ce_clean": clean,
        "ce_replaced": replaced,
        "ce_ablated": ablated,
        "kl_replaced": kl,
        "kl_ablated": kl_ablated,
    }
    return SplicedLosses(whole, whole, whole + 1, **{key: np.array(part, float) for key, part in parts.items()})


def test_figures_by_hand():
    # 10 predicted tokens in all: CE 30 / 10 = 3, 40 / 10 = 4, 80 / 10 = 8; recovered (8 - 4) / (8 - 3) = .8
    # KL 12 / 10 = 1.2, ablated 60 / 10 = 6; recovered 1 - 1.2 / 6 = .8. Means over tokens, not over passages
    found = figures(sums([4, 6], [10, 20], [15, 25], [30, 50], [5, 7], [20, 40]), ["a", "b"])
    assert list(found) == KEYS
    assert {key: figure.value for key, figure in found.items()} == pytest.approx(
        dict(zip(KEYS, (3.0, 4.0, 8.0, 0.8, 1.2, 0.8), strict=True))
    )


def test_articles_are_resampled_whole():
    # one article, however many passages: no resample differs, so the interval is the value itself
    same = figures(sums([4, 6], [10, 20], [15, 25], [30, 50], [5, 7], [20, 40]), ["a", "a"])
    assert [(f.low, f.high) for f in same.values()] == [(f.value, f.value) for f in same.values()]
    rng = np.random.default_rng(1)
    predicted = rng.integers(20, 60, 40)
    clean = predicted * rng.uniform(2, 4, 40)
    replaced, ablated = clean + predicted * rng.uniform(0.5, 1.5, 40), clean + predicted * rng.uniform(5, 7, 40)
    many = figures(sums(predicted, clean, replaced, ablated, clean, ablated), [str(n // 2) for n in range(40)])
    slow = []
    for _ in range(1500):
        chosen = rng.integers(20, size=20)
        rows = np.concatenate([[2 * n, 2 * n + 1] for n in chosen])
        c, r, a = (part[rows].sum() for part in (clean, replaced, ablated))
        slow.append((a - r) / (a - c))
    low, high = np.quantile(slow, [0.025, 0.975])
    found = many["ce_recovered"]
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.12 * (high - low))
    assert found.low < found.value < found.high
    assert found.confidence == 0.95


def test_a_ratio_without_a_loss_is_left_out():
    # ablation gains: nothing can be recovered; of the two articles one loses and one gains: no interval
    gains = figures(sums([5, 5], [20, 20], [21, 21], [15, 15], [1, 1], [0, 0]), ["a", "b"])
    assert list(gains) == ["ce_clean", "ce_reconstructed", "ce_ablated", "kl_reconstructed"]
    mixed = figures(sums([5, 5], [20, 20], [21, 21], [60, 15], [1, 1], [9, 9]), ["a", "b"])
    assert mixed["ce_recovered"] == pytest.approx((75 - 42) / (75 - 40))
    assert isinstance(mixed["kl_recovered"], Interval)


@pytest.fixture(scope="module")
def study(tiny_models, passages, tmp_path_factory):
    """A corpus, and a tiny Gemma's harvest of it."""
    root = tmp_path_factory.mktemp("study")
    path = save_passages(root / "corpus", passages)
    artifacts.finish(root / "corpus", "corpus", {}, inputs={}, counts={}, files=[path])
    config = HarvestConfig(layers=(0, 1), dtype="float32")
    harvest(str(tiny_models["gemma3"]), passages, config, root / "activations")
    return root


def held_out(passages):
    return [passage for passage in passages if article_place(passage.article_id) < 0.1]


def test_only_held_out_articles_in_corpus_order(study, passages):
    store = ActivationStore.open(study / "activations")
    numbers = held_out_passages(store, "block-0")
    assert [passages[n] for n in numbers] == held_out(passages)
    assert 2 <= len(numbers) < 20
    rows = store.row_passages("block-0")
    expected = store.vectors("block-0")[torch.from_numpy(~np.isin(rows, numbers))].mean(0)
    torch.testing.assert_close(training_mean(store, "block-0", numbers), expected, rtol=1e-5, atol=1e-5)


def identity(d):
    """Two features for each dimension, + and -: everything comes back."""
    encoder = torch.cat([torch.eye(d), -torch.eye(d)], 1)
    weights = {"W_enc": encoder, "b_enc": torch.zeros(2 * d), "W_dec": encoder.T.contiguous(), "b_dec": torch.zeros(d)}
    return SparseAutoencoder("jumprelu", weights | {"threshold": torch.zeros(2 * d)})


@pytest.mark.parametrize("layer", [None, "block-1"])
def test_a_dictionary_that_gives_all_back_recovers_all(study, passages, layer):
    store = ActivationStore.open(study / "activations")
    found = measure_downstream(identity(32), store, passages, layer=layer, most=99)
    metrics = {metric.key: metric for metric in found.metrics}
    assert metrics["ce_reconstructed"].value == metrics["ce_clean"].value
    assert metrics["kl_reconstructed"].value == 0.0
    assert metrics["kl_recovered"].value == 1.0
    assert metrics["kl_recovered"].healthy is True
    assert metrics["ce_ablated"].value != metrics["ce_clean"].value
    expected = held_out(passages)
    assert (found.passages, found.articles) == (len(expected), len({passage.article_id for passage in expected}))
    assert found.replaced_share == pytest.approx(1 - found.passages / (found.predicted_tokens + found.passages))


def test_a_dictionary_that_gives_the_mean_back_recovers_nothing(study, passages):
    store = ActivationStore.open(study / "activations")
    empty = identity(32)
    empty.threshold = torch.full((64,), torch.inf)
    empty.b_dec = training_mean(store, "block-0", held_out_passages(store, "block-0"))
    metrics = measure_downstream(empty, store, passages, layer=None, most=2).metrics
    recovered = next(metric for metric in metrics if metric.key == "kl_recovered")
    assert recovered.value == pytest.approx(0.0, abs=1e-6)
    assert recovered.healthy is False
    assert "raise k (topkFeatures)" in recovered.advice


HEALTH = {"rows": 7, "metrics": [{"key": "l0"}], "training": {"k": 4}}


def test_it_is_put_to_the_health_of_a_main_dictionary(study, tmp_path):
    store = ActivationStore.open(study / "activations")
    record = with_downstream(HEALTH, identity(32), store, config=CONFIG, corpus=study / "corpus")
    assert record["downstream"]["passages"] == 3
    assert set(record["downstream"]) == {"passages", "articles", "predicted_tokens", "replaced_share"}
    assert {key: record[key] for key in ("rows", "training")} == {"rows": 7, "training": {"k": 4}}
    named = {metric["key"]: metric for metric in record["metrics"]}
    assert {"l0", "ce_clean", "ce_reconstructed", "ce_ablated", "kl_reconstructed", "kl_recovered"} <= set(named)
    assert set(named["kl_recovered"]["interval"]) == {"value", "low", "high", "confidence"}
    assert with_downstream(HEALTH, identity(32), store, config=CONFIG, corpus=study / "corpus") == record
    artifacts.write_json(tmp_path / "health.json", {**record, "metrics": record["metrics"][1:]})
    loaded = load_health(tmp_path)
    assert loaded.metrics[-1].interval is not None
    assert msgspec.json.decode(loaded.downstream["passages"]) == 3


def test_a_repeat_and_zero_passages_measure_nothing(study):
    store = ActivationStore.open(study / "activations")
    off = CONFIG.model_copy(update={"downstream_passages": 0})
    assert with_downstream(HEALTH, identity(32), store, config=CONFIG, corpus=None) == HEALTH
    assert with_downstream(HEALTH, identity(32), store, config=off, corpus=study / "corpus") == HEALTH


def test_a_model_without_a_next_token_says_why(tiny_models, passages, tmp_path):
    config = HarvestConfig(position="mean", dtype="float32")
    store = harvest(str(tiny_models["gpt2"]), passages, config, tmp_path)
    found = measure_downstream(identity(32), store, passages, layer=None, most=2)
    assert found.metrics == []
    assert found.record() == {"left_out": 'position = "mean": the rows are not the hidden states of tokens'}


def test_a_model_that_is_gone_is_an_error_with_a_way_round(tiny_models, passages, tmp_path):
    shutil.copytree(tiny_models["gpt2"], tmp_path / "model")
    store = harvest(str(tmp_path / "model"), passages, HarvestConfig(dtype="float32"), tmp_path / "activations")
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelNotFoundError) as caught:
        measure_downstream(identity(32), store, passages, layer=None, most=2)
    assert str(caught.value).endswith("; or go without the loss in the model's own terms: sae.downstream_passages = 0")


def test_another_corpus_is_refused(study, passages):
    store = ActivationStore.open(study / "activations")
    with pytest.raises(StaleArtifactError) as caught:
        measure_downstream(identity(32), store, passages[1:], layer=None, most=2)
    assert str(caught.value) == (
        f"{study / 'activations'} was read from 60 passages, the corpus now holds 59 or others in another order; "
        f"delete {study / 'activations'} and rerun the activations stage"
    )
    with pytest.raises(MissingArtifactError, match="is not finished"):
        with_downstream(HEALTH, identity(32), store, config=CONFIG, corpus=study / "none")
