"""The small parts: batching, the histogram's median, means without sinks, the processor, the plot."""

import builtins

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samedream.activations.batching import batches, pad
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.plot import mean_activations, plot_mean_activations
from samedream.activations.processor import compute_dtype, multiplies_bfloat16
from samedream.activations.reading import mean_without_sinks
from samedream.activations.sinks import NormHistogram
from samedream.errors import ComparisonError, LayerError, MissingExtraError


def test_batches_by_hand():
    # longest first: 5; then 4+4 (2 x 4 = 8 fits, 3 x 4 would not); then 3 and 1 (2 x 3 = 6); the empty item is nowhere
    assert batches([3, 4, 0, 5, 1, 4], 8) == [[3], [1, 5], [0, 4]]
    assert batches([20, 2], 8) == [[0], [1]]
    assert batches([], 8) == []


@given(lengths=st.lists(st.integers(0, 50), max_size=60), budget=st.integers(1, 200))
def test_batches_hold_every_item_once_within_the_budget(lengths, budget):
    made = batches(lengths, budget)
    assert sorted(i for group in made for i in group) == [i for i, length in enumerate(lengths) if length]
    for group in made:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget


def test_pad():
    ids, mask = pad([[5, 6, 7], [8]], 9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


@given(st.lists(st.floats(0, 2.0**100, width=32), min_size=1, max_size=200))
def test_median_of_a_histogram(values):
    norms = np.array(values, np.float32)
    histogram = NormHistogram()
    for part in np.array_split(norms, 3):
        histogram.add(part)
    exact = float(np.sort(norms)[(len(norms) - 1) // 2])  # the lower median
    smallest_normal = 1.2e-38  # below it a float keeps fewer bits
    assert exact * (1 - 2**-11) - smallest_normal <= histogram.median() <= exact


def test_median_of_nothing():
    assert NormHistogram().median() == 0.0


def test_mean_without_sinks():
    # norms 1, 1, 1, 50; the (lower) median is 1, 50 is above 10 times it: the mean is of the first three
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [30.0, 40.0]])
    mean, left_out = mean_without_sinks(vectors, 10.0)
    torch.testing.assert_close(mean, torch.tensor([[1 / 3, 2 / 3]]))
    assert left_out == 1


def test_bfloat16_only_where_it_is_multiplied():
    assert not multiplies_bfloat16({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False})
    assert multiplies_bfloat16({"avx512_bf16": True})
    assert multiplies_bfloat16({"architecture": "aarch64", "bf16": True})
    cpu = torch.device("cpu")
    assert compute_dtype("float32", cpu) == torch.float32
    assert compute_dtype("bfloat16", cpu) == torch.bfloat16
    assert compute_dtype("auto", cpu) == (
        torch.bfloat16 if multiplies_bfloat16(torch.cpu.get_capabilities()) else torch.float32
    )


@pytest.fixture(scope="module")
def stores(tiny_models, passages, tmp_path_factory):
    out = tmp_path_factory.mktemp("plots")
    names = ("gpt2", "opt")
    return {name: harvest(str(tiny_models[name]), passages[:6], HarvestConfig(), out / name) for name in names}


def test_mean_activations(stores):
    means, sampled = mean_activations(stores["gpt2"])
    assert sampled == 6
    np.testing.assert_allclose(means, stores["gpt2"].vectors().double().mean(0).numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot_has_the_same_bytes_every_time(stores, tmp_path, suffix):
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    assert plot_mean_activations(stores, one) == one
    plot_mean_activations({name: store.directory for name, store in stores.items()}, two)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_plot_of_what_is_not_there(stores, tmp_path, monkeypatch):
    with pytest.raises(ComparisonError, match="nothing to draw"):
        plot_mean_activations({}, tmp_path / "a.png")
    with pytest.raises(LayerError, match="has no layer 'block-9'"):
        plot_mean_activations(stores, tmp_path / "a.png", layer="block-9")
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        plot_mean_activations(stores, tmp_path / "a.png")
    assert str(caught.value) == (
        "the plot needs matplotlib, which is not installed; install it with \"pip install 'samedream[plots]'\""
    )
