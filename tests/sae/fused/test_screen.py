"""The 8-bit screen: nothing above the bound is missed, and what passes has its exact value."""

import itertools
import tracemalloc

import numba
import numpy as np
import pytest
import torch

from samedream.sae.config import SAEConfig
from samedream.sae.fused.engine import FusedEngine
from samedream.sae.fused.product import Product
from samedream.sae.fused.screen import Screen, pays
from samedream.sae.fused.select import Selector
from samedream.sae.fused.vectors import FEATURES, WIDE
from samedream.sae.fused.vectors import ROWS as TILE
from samedream.sae.gradients import Parameters
from samedream.sae.reference import TorchEngine
from samedream.sae.variants import variant

pytestmark = pytest.mark.skipif(not WIDE, reason="no AVX512 VNNI")
SHAPES = [(40, 70, 21), (TILE, FEATURES, 8), (1, 2, 1), (97, 133, 130), (50, 300, 640)]


def weights_and_rows(rows, width, d, seed=0):
    """Rows with columns that dominate, as in real hidden states, and rows of very different length."""
    random = np.random.default_rng(seed)
    given = random.standard_normal((rows, d)) * np.exp(random.standard_normal((rows, 1)))
    given[:, 0] *= 30
    given[:, d // 2] += 9
    encoder, biases = random.standard_normal((width, d)), random.standard_normal(width)
    return encoder.astype(np.float32), biases.astype(np.float32), given.astype(np.float32)


def dense(counts, features, values, width):
    """What a screen found, [rows, width]; NaN where nothing is."""
    found = np.full((len(counts), width), np.nan, np.float32)
    found[np.repeat(np.arange(len(counts)), counts), features] = values
    return found


@pytest.mark.parametrize(("rows", "width", "d"), SHAPES)
def test_all_that_lies_above_a_bound_is_found_with_its_value(rows, width, d):
    for seed in range(5):
        encoder, biases, given = weights_and_rows(rows, width, d, seed)
        exact = given.astype(np.float64) @ encoder.T.astype(np.float64) + biases
        lengths = np.linalg.norm(given, axis=1)[:, None] * np.linalg.norm(encoder, axis=1)
        screen = Screen(encoder, biases)
        for share in (0.5, 0.8, 0.95, 0.99):
            bound = np.float32(max(np.quantile(exact, share), 0))
            counts, features, values = screen(given, bound)
            found = dense(counts, features, values, width)
            assert counts.sum() == len(features) == len(values)
            assert not np.isnan(found[exact > bound + 1e-6 * lengths.max()]).any()
            there = ~np.isnan(found)
            assert (np.abs(found - exact)[there] <= 1e-6 * (lengths + np.abs(biases))[there]).all()
            starts = np.repeat(np.cumsum(counts) - counts, counts)
            inside = np.arange(len(features)) > starts
            assert (np.diff(features, prepend=0)[inside] > 0).all()


def test_little_that_lies_below_a_bound_passes():
    encoder, biases, given = weights_and_rows(256, 2048, 320)
    exact = given @ encoder.T + biases
    bound = np.float32(np.quantile(exact, 0.98))
    counts, _, _ = Screen(encoder, biases)(given, bound)
    assert (exact > bound).sum() <= counts.sum() < 1.25 * (exact > bound).sum()


def test_the_margin_holds_where_rounding_errs_on_one_side():
    """Every column but one is .03 of the largest, 3.81 steps: all are rounded up."""
    given = np.full((12, 640), 0.03, np.float32)
    given[:, 5] = 1
    encoder = np.full((64, 640), 1 / 640, np.float32)
    counts, _, values = Screen(encoder, np.zeros(64, np.float32))(given, np.float32(0.028))
    assert counts.tolist() == [64] * 12
    assert values.tolist() == pytest.approx([0.03 * 639 / 640 + 1 / 640] * (12 * 64), rel=1e-5)


def test_values_do_not_depend_on_the_bound_or_the_batch():
    encoder, biases, given = weights_and_rows(60, 200, 333)
    screen = Screen(encoder, biases)
    most = dense(*screen(given, np.float32(0)), 200)
    for bound in (0.5, 20.0, 100.0):
        for part in (given, given[:13], given[5:6]):
            found = dense(*screen(part, np.float32(bound)), 200)
            there = ~np.isnan(found)
            start = 5 if len(part) == 1 else 0
            assert there.any() or bound > 0.5
            assert (found == most[start : start + len(part)])[there & (found > 0)].all()


def test_rows_columns_and_features_of_nothing():
    encoder, biases, given = weights_and_rows(30, 70, 20)
    given[3] = 0
    given[:, 7] = 0
    encoder[9] = 0
    found = dense(*Screen(encoder, np.abs(biases))(given, np.float32(0)), 70)
    assert found[3].tolist() == np.abs(biases).tolist()
    assert found[:, 9].tolist() == [np.abs(biases)[9]] * 30
    counts, features, values = Screen(encoder, biases)(np.zeros((30, 20), np.float32), np.float32(9))
    assert counts.tolist() == [0] * 30
    assert len(features) == len(values) == 0


@pytest.mark.parametrize("k", [1, 3])
def test_the_choice_is_that_of_the_whole_product(k):
    width = 200
    selector = Selector("batch", k)
    encoder, biases, _ = weights_and_rows(1, width, 48)
    screen = Screen(encoder, biases)
    for seed, size in itertools.product(range(6), (1.0, 0.2)):  # a bound from larger rows is too high
        given = weights_and_rows(37, width, 48, seed)[2] * np.float32(size)
        pre = given @ encoder.T + biases
        starts, features, values = selector.screened(screen, given)
        rows = np.repeat(np.arange(37), np.diff(starts))
        largest = np.sort(np.argsort(-pre.ravel(), kind="stable")[: k * 37])
        assert (rows * width + features).tolist() == largest.tolist()
        np.testing.assert_allclose(values, pre.ravel()[largest], rtol=1e-5, atol=1e-4)


def test_fewer_than_wanted_lie_above_nothing():
    encoder, _, given = weights_and_rows(9, 64, 16)
    biases = np.full(64, -1e6, np.float32)
    biases[[3, 60]] = 1e6
    screen = Screen(encoder, biases)
    selector = Selector("batch", 5)
    for _ in range(2):
        starts, features, values = selector.screened(screen, given)
        assert np.diff(starts).tolist() == [2] * 9
        assert features.tolist() == [3, 60] * 9
        assert len(values) == 18


def test_a_sample_that_misleads_costs_time_not_exactness():
    """Every 16th row is 100 times as long, so the first bound is above nearly all of the others."""
    encoder, _, given = weights_and_rows(64, 200, 48)
    given[::16] *= 100
    screen, selector = Screen(encoder, np.zeros(200, np.float32)), Selector("batch", 20)
    pre = given @ encoder.T
    wanted = np.sort(pre.ravel())[-20 * 64]
    assert screen.guess(given, 20) > wanted > 0
    _, _, values = selector.screened(screen, given)
    np.testing.assert_allclose(np.sort(values), np.sort(pre.ravel())[-20 * 64 :], rtol=1e-5, atol=1e-4)


def dictionary():
    encoder, biases, _ = weights_and_rows(1, 160, 24)
    decoder = encoder / np.linalg.norm(encoder, axis=1, keepdims=True)
    biases = [torch.from_numpy(array) for array in (biases, np.ones(24, np.float32))]
    return Parameters(torch.from_numpy(encoder / 5), biases[0], torch.from_numpy(decoder), biases[1])


def batches(count):
    return [torch.from_numpy(weights_and_rows(50, 1, 24, seed)[2] / 9) for seed in range(count)]


def dead(*features):
    return torch.tensor(features, dtype=torch.int64)


@pytest.mark.parametrize("name", ["batchtopk", "matryoshka"])
def test_steps_are_those_of_the_plain_path(name):
    kind = variant(SAEConfig(variant=name, k=4), 160)
    plain, fused = dictionary(), dictionary()
    one, two = TorchEngine(plain, kind, aux_k=3), FusedEngine(fused, kind, aux_k=3, product="int8")
    for rows in batches(6):
        losses, fired = one.step(rows, 1e-2, dead(1, 5, 40))
        found, also = two.step(rows, 1e-2, dead(1, 5, 40))
        assert sorted(set(fired.tolist())) == also.tolist()
        assert found.total == pytest.approx(losses.total, rel=1e-5)
        for expected, tensor in zip(plain.tensors(), fused.tensors(), strict=True):
            torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-4)


def test_no_step_makes_the_whole_product(monkeypatch):
    """Not even the first one, which has no bound yet, or one whose bound was too high."""
    rows, width, d = 1024, 2560, 64
    encoder, biases, given = weights_and_rows(rows, width, d)
    tensors = [torch.from_numpy(array) for array in (encoder / 9, biases / 9, encoder, np.zeros(d, np.float32))]
    kind = variant(SAEConfig(k=4), width)
    FusedEngine(dictionary(), kind, aux_k=3, product="int8").step(batches(1)[0], 1e-2, dead())  # compiles
    engine = FusedEngine(Parameters(*tensors), kind, aux_k=3, product="int8")
    monkeypatch.setattr(Product, "__call__", None)
    tracemalloc.start()  # numpy reports its arrays
    for size in (1, 0.2):
        engine.step(torch.from_numpy(given * np.float32(size)), 1e-2, dead())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows * width * 4 / 4


def test_a_run_that_goes_on_has_the_same_bits():
    kind = variant(SAEConfig(k=4), 160)
    weights = dictionary()
    whole = FusedEngine(weights, kind, aux_k=3, product="int8")
    for rows in batches(3):
        whole.step(rows, 1e-2, dead())
    there = Parameters(*(tensor.clone() for tensor in weights.tensors()))
    later = FusedEngine(there, kind, aux_k=3, product="int8")
    later.restore(whole.state())
    for rows in batches(7)[3:]:  # without the first batch's columns, and without a bound
        whole.step(rows, 1e-2, dead())
        later.step(rows, 1e-2, dead())
        assert all(torch.equal(one, two) for one, two in zip(weights.tensors(), there.tensors(), strict=True))


def test_the_number_of_threads_changes_no_bit():
    found, before = [], torch.get_num_threads()
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        torch.set_num_threads(threads)
        found.append(dictionary())
        engine = FusedEngine(found[-1], variant(SAEConfig(k=4), 160), aux_k=3, product="int8")
        for rows in batches(3):
            engine.step(rows, 1e-2, dead(1, 2))
    torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(found[0].tensors(), found[1].tensors(), strict=True))


def test_weights_that_are_no_numbers_are_told():
    engine = FusedEngine(dictionary(), variant(SAEConfig(k=4), 160), aux_k=3, product="int8")
    for rows in batches(2):
        losses, _ = engine.step(rows, float("inf"), dead())
    assert losses.total == float("inf")


def test_it_is_used_where_it_pays():
    assert pays(32, 2560, 640)
    assert not pays(32, 1000, 640)
    assert not pays(1, 2560, 100_000)
    for rule, expected in (("batchtopk", True), ("topk", False), ("matryoshka", True)):
        engine = FusedEngine(dictionary(), variant(SAEConfig(variant=rule, k=5), 160), aux_k=3)
        assert (engine._screen is not None) == expected
