"""The GPU's path against the plain one, step by step, on the CPU."""

import itertools

import pytest
import torch

from samedream.sae.config import SAEConfig
from samedream.sae.gpu.engine import GpuEngine
from samedream.sae.gpu.plain import PlainKernels
from samedream.sae.gradients import Parameters
from samedream.sae.plan import make_plan
from samedream.sae.reference import TorchEngine
from samedream.sae.trainer import Trainer
from samedream.sae.training import train_sae
from samedream.sae.variants import variant

D, WIDTH, ROWS = 21, 35, 10  # none of them fits a tile
DEAD = [1, 5, 20, 21, 34]


def dictionary():
    generator = torch.Generator().manual_seed(3)
    encoder = torch.randn(WIDTH, D, generator=generator)
    decoder = torch.nn.functional.normalize(torch.randn(WIDTH, D, generator=generator), dim=1)
    return Parameters(
        encoder, torch.randn(WIDTH, generator=generator) / 5, decoder, torch.randn(D, generator=generator)
    )


def batches(count, rows=ROWS):
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(rows, D, generator=generator) * 2 for _ in range(count)]


def kind_of(name):
    return variant(SAEConfig(variant=name, k=4, **({"l1_strength": 0.05} if name == "l1_topk" else {})), WIDTH)


def mask(dead):
    found = torch.zeros(WIDTH, dtype=torch.bool)
    found[dead] = True
    return found


class Alone:
    """Several processes that are one: gradients go the long way round."""

    def mean_(self, tensors):
        assert all(tensor.dtype == torch.float32 for tensor in tensors)

    def union(self, fired):
        return fired


def compare(name, dead, *, ranks, kernels, steps):
    kind = kind_of(name)
    plain, other = dictionary(), dictionary()
    one = TorchEngine(plain, kind, aux_k=3)
    two = GpuEngine(other, kind, aux_k=3, ranks=ranks, lag=0, product=torch.float32, kernels=kernels)
    for rows in batches(steps):
        losses, fired = one.step(rows, 1e-2, torch.tensor(dead, dtype=torch.int64))
        found, also = two.step(rows, 1e-2, mask(dead))
        assert sorted(set(fired.tolist())) == also.nonzero().squeeze(1).tolist()
        assert found.unexplained == pytest.approx(losses.unexplained, rel=1e-5)
        assert found.penalty == pytest.approx(losses.penalty, rel=1e-4, abs=1e-6)
        assert found.aux == pytest.approx(losses.aux, rel=1e-4)
        assert two.dead_count == len(dead)
        for expected, tensor in zip(plain.tensors(), other.tensors(), strict=True):
            torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "dead", "ranks"),
    list(itertools.product(["batchtopk", "topk", "l1_topk", "matryoshka"], [[], [7], DEAD], [None, Alone()])),
)
def test_steps_are_those_of_the_plain_path(name, dead, ranks):
    compare(name, dead, ranks=ranks, kernels=PlainKernels(), steps=4)


# each is another set of kernels; the interpreter takes seconds a step
@pytest.mark.parametrize(
    ("name", "dead", "ranks"), [("batchtopk", [], None), ("matryoshka", DEAD, None), ("l1_topk", DEAD, Alone())]
)
def test_steps_of_the_triton_kernels_are_those_of_the_plain_path(name, dead, ranks, triton_kernels):
    compare(name, dead, ranks=ranks, kernels=triton_kernels(kind_of(name).nested), steps=2)


def test_a_row_with_fewer_positive_activations_than_k():
    kind = kind_of("topk")
    plain, other = dictionary(), dictionary()
    for weights in (plain, other):
        weights.encoder_bias -= 12.0  # some rows keep less than k, some nothing
    one = TorchEngine(plain, kind, aux_k=3)
    two = GpuEngine(other, kind, aux_k=3, lag=0, product=torch.float32, kernels=PlainKernels())
    counts = []
    for rows in batches(3):
        counts += ((rows @ plain.encoder.T + plain.encoder_bias) > 0).sum(1).tolist()
        one.step(rows, 1e-2, torch.empty(0, dtype=torch.int64))
        two.step(rows, 1e-2, mask([]))
    assert min(counts) == 0 and sum(0 < count < 4 for count in counts) > 0
    for expected, tensor in zip(plain.tensors(), other.tensors(), strict=True):
        torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-4)


def test_the_triton_kernels_take_no_notice_of_values_of_0(triton_kernels):
    kind = kind_of("topk")
    first, second = dictionary(), dictionary()
    for weights in (first, second):
        weights.encoder_bias -= 12.0
    one = GpuEngine(first, kind, aux_k=3, lag=0, kernels=PlainKernels())
    two = GpuEngine(second, kind, aux_k=3, lag=0, kernels=triton_kernels(kind.nested))  # in bf16, as on a GPU
    [rows] = batches(1)
    _, fired = one.step(rows, 1e-2, mask([]))
    _, also = two.step(rows, 1e-2, mask([]))
    assert torch.equal(fired, also) and not bool(fired.all())
    for expected, tensor in zip(first.tensors(), second.tensors(), strict=True):
        torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-4)
    # the compiler rounds, the interpreter cuts bits off: one of the last of the 8 bits
    torch.testing.assert_close(two._learned.low.float(), second.encoder, rtol=2**-7, atol=0)


def test_a_product_in_bf16_stays_near():
    kind = kind_of("batchtopk")
    plain, other = dictionary(), dictionary()
    one, two = TorchEngine(plain, kind, aux_k=3), GpuEngine(other, kind, aux_k=3, lag=0, kernels=PlainKernels())
    for rows in batches(6):
        losses, _ = one.step(rows, 1e-3, torch.tensor(DEAD))
        found, _ = two.step(rows, 1e-3, mask(DEAD))
        assert found.unexplained == pytest.approx(losses.unexplained, rel=0.02)
        assert found.aux == pytest.approx(losses.aux, rel=0.02)
    torch.testing.assert_close(other.decoder.norm(dim=1), torch.ones(WIDTH))
    assert torch.equal(two._learned.low, other.encoder.bfloat16())


def test_losses_come_late_by_a_fixed_number_of_steps():
    kind, dead = kind_of("topk"), [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    at_once = GpuEngine(dictionary(), kind, aux_k=3, lag=0, product=torch.float32)
    late = GpuEngine(dictionary(), kind, aux_k=3, lag=2, product=torch.float32)
    prompt, behind, counts = [], [], []
    for rows in batches(5):
        prompt.append(at_once.step(rows, 1e-2, mask([]))[0].unexplained)
        behind.append(late.step(rows, 1e-2, mask([]))[0].unexplained)
    assert behind == [prompt[0], prompt[0], prompt[0], prompt[1], prompt[2]]
    late = GpuEngine(dictionary(), kind, aux_k=3, lag=2, product=torch.float32)
    for rows, some in zip(batches(5), dead, strict=True):
        late.step(rows, 1e-2, mask(some))
        counts.append(late.dead_count)
    assert counts == [0, 0, 0, 1, 2]


def test_a_restored_engine_takes_the_same_steps():
    kind = kind_of("matryoshka")
    whole = GpuEngine(dictionary(), kind, aux_k=3, lag=2, kernels=PlainKernels())
    first = GpuEngine(dictionary(), kind, aux_k=3, lag=2, kernels=PlainKernels())
    expected = [whole.step(rows, 1e-2, mask(DEAD))[0] for rows in batches(6)]
    for rows in batches(6)[:3]:
        first.step(rows, 1e-2, mask(DEAD))
    second = GpuEngine(
        Parameters(*(tensor.clone() for tensor in first.weights.tensors())), kind, aux_k=3, lag=2,
        kernels=PlainKernels(),
    )  # fmt: skip
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    assert [second.step(rows, 1e-2, mask(DEAD))[0] for rows in batches(6)[3:]] == expected[3:]
    for one, two in zip(whole.weights.tensors(), second.weights.tensors(), strict=True):
        assert torch.equal(one, two)


def test_weights_that_are_no_numbers_reach_the_loss():
    kind = kind_of("batchtopk")
    engine = GpuEngine(dictionary(), kind, aux_k=3, lag=0, kernels=PlainKernels())
    for rows in batches(2):
        losses, _ = engine.step(rows, float("inf"), mask([]))
    assert not losses.total < float("inf")


def test_a_trainer_with_it_counts_the_dead_and_brings_them_back():
    kind = kind_of("topk")
    plan = make_plan(SAEConfig(variant="topk", k=2, width=WIDTH, steps=100, batch_rows=ROWS), 1000, D)
    assert plan.dead_after == 5
    trainer = Trainer(D, plan, kind, seed=0)
    trainer.weights.encoder[:20] /= 50  # too weak to be among the largest
    trainer.engine = GpuEngine(trainer.weights, kind, aux_k=8, lag=2)
    seen = []
    for rows in batches(100):
        trainer.step(rows)
        seen.append(trainer.dead_count)
        assert trainer.silent().nonzero().squeeze(1).tolist() == trainer.dead().tolist()
    assert seen[:7] == [0] * 7  # 5 steps without firing, and the count is 2 steps late
    assert max(seen) >= 20
    assert seen[-1] < 10


def test_weights_on_the_cpu_are_their_own_copy():
    kind = kind_of("topk")
    trainer = Trainer(D, make_plan(SAEConfig(k=2, width=WIDTH), 1000, D), kind, seed=0)
    assert all(one is two for one, two in zip(trainer.host_weights().tensors(), trainer.weights.tensors(), strict=True))


@pytest.mark.slow
def test_a_whole_training_with_it_finds_what_the_plain_one_finds(plant, monkeypatch):
    vectors, config = plant(2000)[0], SAEConfig(k=4, width=96, batch_rows=128, steps=100)
    monkeypatch.setattr("samedream.sae.trainer.engine", TorchEngine)
    _, plain = train_sae(vectors, config)
    monkeypatch.setattr("samedream.sae.trainer.engine", GpuEngine)
    _, report = train_sae(vectors, config)
    assert plain["variance_explained"] > 0.6
    assert report["variance_explained"] == pytest.approx(plain["variance_explained"], abs=0.02)
    assert report["l0"] == pytest.approx(4, abs=0.1)
