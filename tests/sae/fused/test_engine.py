"""The fused path against the plain one."""

import itertools

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.sae.config import SAEConfig
from samedream.sae.fused.engine import FusedEngine
from samedream.sae.fused.product import Product
from samedream.sae.fused.select import Selector
from samedream.sae.fused.vectors import FEATURES
from samedream.sae.fused.vectors import ROWS as TILE
from samedream.sae.gradients import Parameters
from samedream.sae.reference import TorchEngine
from samedream.sae.selection import largest_overall, largest_per_row
from samedream.sae.variants import variant

D, WIDTH, ROWS = 21, 70, 40  # none of them fits a tile
needs_avx2 = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="no AVX2")


def dictionary(width=WIDTH, d=D):
    generator = torch.Generator().manual_seed(3)
    encoder = torch.randn(width, d, generator=generator)
    decoder = torch.nn.functional.normalize(torch.randn(width, d, generator=generator), dim=1)
    return Parameters(
        encoder, torch.randn(width, generator=generator) / 5, decoder, torch.randn(d, generator=generator)
    )


def batches(count, rows=ROWS, d=D):
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(rows, d, generator=generator) * 2 for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "dead"), list(itertools.product(["batchtopk", "topk", "l1_topk", "matryoshka"], [[], [1, 5, 40, 41, 69]]))
)
def test_steps_are_those_of_the_plain_path(name, dead):
    strength = {"l1_strength": 0.05} if name == "l1_topk" else {}
    kind = variant(SAEConfig(variant=name, k=4, **strength), WIDTH)
    plain, fused = dictionary(), dictionary()
    one, two = TorchEngine(plain, kind, aux_k=3), FusedEngine(fused, kind, aux_k=3, product="float32")
    for rows in batches(5):
        losses, fired = one.step(rows, 1e-2, torch.tensor(dead, dtype=torch.int64))
        found, also = two.step(rows, 1e-2, torch.tensor(dead, dtype=torch.int64))
        assert sorted(set(fired.tolist())) == also.tolist()
        assert found.unexplained == pytest.approx(losses.unexplained, rel=1e-5)
        assert found.penalty == pytest.approx(losses.penalty, rel=1e-4, abs=1e-6)
        assert found.aux == pytest.approx(losses.aux, rel=1e-4)
        for expected, tensor in zip(plain.tensors(), fused.tensors(), strict=True):
            torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-4)


@needs_avx2
@pytest.mark.parametrize(("rows", "width", "d"), [(40, 70, 21), (TILE, FEATURES, 4), (1, 1, 1), (97, 33, 130)])
def test_the_integer_product_is_the_product(rows, width, d):
    weights, given = dictionary(width, d), batches(1, rows, d)[0]
    given[:, 0] *= 30  # one dimension that dominates, as in real hidden states
    found = Product(weights.encoder.numpy(), weights.encoder_bias.numpy(), "int16")(given.numpy())
    expected = torch.addmm(weights.encoder_bias.double(), given.double(), weights.encoder.double().T)
    scale = given.norm(dim=1)[:, None] * weights.encoder.norm(dim=1)
    assert found.shape == (rows, width)
    assert float(((torch.from_numpy(found) - expected).abs() / scale).max()) < 2e-4
    rounded = torch.addmm(weights.encoder_bias.bfloat16(), given.bfloat16(), weights.encoder.bfloat16().T)
    error = torch.from_numpy(found) - expected
    if rows > 1:
        assert float(error.square().mean()) < float((rounded.double() - expected).square().mean())


@needs_avx2
def test_the_largest_integers_do_not_overflow():
    row = torch.zeros(1, 640)
    row[0, 7] = 1e6  # all of the norm in one place, on both sides
    encoder = torch.zeros(16, 640)
    encoder[:, 7] = -3.0
    found = Product(encoder.numpy(), torch.zeros(16).numpy(), "int16")(row.numpy())
    assert found[0].tolist() == pytest.approx([-3e6] * 16, rel=1e-4)


@needs_avx2
def test_the_integers_follow_the_encoder():
    weights = dictionary()
    kind = variant(SAEConfig(k=4), WIDTH)
    engine = FusedEngine(weights, kind, aux_k=3, product="int16")
    none = torch.empty(0, dtype=torch.int64)
    for rows in batches(3):
        engine.step(rows, 1e-2, none)
    fresh = Product(weights.encoder.numpy(), weights.encoder_bias.numpy(), "int16")
    np.testing.assert_array_equal(engine._product.packed, fresh.packed)


@given(
    st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]), min_size=19, max_size=19), min_size=1, max_size=9
    ),
    st.integers(1, 18),
)
@settings(deadline=None)
def test_choices_are_those_of_the_plain_path(values, k):
    for rule, plain in (
        ("batch", lambda pre: largest_overall(pre, k * len(pre))),
        ("row", lambda p: largest_per_row(p, k)),
    ):
        pre = torch.tensor(values)
        selector = Selector(rule, k)
        for _ in range(2):  # the second time with the first one's bound
            parts = np.array_split(pre.numpy(), min(2, len(pre)))
            starts, features, found = selector(parts.copy, len(pre))
            rows = np.repeat(np.arange(len(values)), np.diff(starts))
            assert (rows * 19 + features).tolist() == plain(pre).tolist()
            assert found.tolist() == pre.numpy()[rows, features].tolist()


def test_a_bound_that_is_too_high_is_noticed():
    selector = Selector("batch", 2)
    selector(lambda: [np.full((3, 20), 100.0, np.float32)], 3)
    starts, features, _ = selector(lambda: [np.tile(np.arange(20, dtype=np.float32), (3, 1))], 3)
    assert starts.tolist() == [0, 2, 4, 6]
    assert features.tolist() == [18, 19] * 3


def test_the_number_of_threads_changes_no_bit():
    found = []
    before = torch.get_num_threads()
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        torch.set_num_threads(threads)
        weights = dictionary()
        engine = FusedEngine(weights, variant(SAEConfig(k=4), WIDTH), aux_k=3)
        for rows in batches(3):
            engine.step(rows, 1e-2, torch.tensor([1, 2]))
        found.append(weights)
    torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(found[0].tensors(), found[1].tensors(), strict=True))


@needs_avx2
def test_a_state_of_another_processor_is_multiplied_with_its_own_encoder():
    kind, none = variant(SAEConfig(k=4), WIDTH), torch.empty(0, dtype=torch.int64)
    there = FusedEngine(dictionary(), kind, aux_k=3, product="float32")
    for rows in batches(3):
        there.step(rows, 1e-2, none)
    weights = Parameters(*(torch.zeros_like(tensor) for tensor in dictionary().tensors()))
    here = FusedEngine(weights, kind, aux_k=3, product="int16")
    for tensor, value in zip(weights.tensors(), there.weights.tensors(), strict=True):
        tensor.copy_(value)
    here.restore(there.state())
    fresh = Product(weights.encoder.numpy(), weights.encoder_bias.numpy(), "int16")
    np.testing.assert_array_equal(here._product.packed, fresh.packed)


def test_weights_that_are_no_numbers_are_told():
    weights = dictionary()
    engine = FusedEngine(weights, variant(SAEConfig(k=4), WIDTH), aux_k=3)
    none = torch.empty(0, dtype=torch.int64)
    for rows in batches(2):
        losses, _ = engine.step(rows, float("inf"), none)
    assert losses.total == float("inf")
