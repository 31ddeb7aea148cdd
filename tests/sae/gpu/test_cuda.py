"""What only a GPU can show: compiled kernels, no waiting in the loop, the same bits twice."""

import pytest
import torch

from samedream.sae.config import SAEConfig
from samedream.sae.gpu.engine import GpuEngine
from samedream.sae.gradients import Parameters
from samedream.sae.plan import make_plan
from samedream.sae.reference import TorchEngine
from samedream.sae.trainer import Trainer
from samedream.sae.variants import variant

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU and torch for CUDA")
D, WIDTH, ROWS = 200, 1000, 256


def rows_of(steps):
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(ROWS, D, generator=generator) for _ in range(steps)]


def trainer_of(name, monkeypatch):
    monkeypatch.setenv("SAMEDREAM_DEVICE", "cuda")
    config = SAEConfig(variant=name, k=8, width=WIDTH, steps=40, batch_rows=ROWS)
    return Trainer(D, make_plan(config, 10_000, D), variant(config, WIDTH), seed=0)


@pytest.mark.parametrize("name", ["batchtopk", "topk", "l1_topk", "matryoshka"])
def test_steps_on_a_gpu_are_those_of_the_plain_path(name):
    kind = variant(SAEConfig(variant=name, k=8), WIDTH)
    directions = torch.nn.functional.normalize(torch.randn(WIDTH, D, generator=torch.Generator().manual_seed(1)), dim=1)
    plain = Parameters(directions.clone(), torch.zeros(WIDTH), directions, torch.zeros(D))
    there = Parameters(*(tensor.cuda() for tensor in plain.tensors()))
    one = TorchEngine(plain, kind, aux_k=16)
    two = GpuEngine(there, kind, aux_k=16, lag=0, product=torch.float32)
    dead = torch.arange(30)
    mask = torch.zeros(WIDTH, dtype=torch.bool).index_fill_(0, dead, True).cuda()
    for rows in rows_of(4):
        losses, fired = one.step(rows, 1e-3, dead)
        found, also = two.step(rows, 1e-3, mask)
        assert sorted(set(fired.tolist())) == also.nonzero().squeeze(1).tolist()
        assert found.unexplained == pytest.approx(losses.unexplained, rel=1e-4)
        assert found.aux == pytest.approx(losses.aux, rel=1e-3)
    for expected, tensor in zip(plain.tensors(), there.tensors(), strict=True):
        torch.testing.assert_close(tensor.cpu(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["batchtopk", "topk", "matryoshka"])
def test_no_step_waits_for_the_gpu(name, monkeypatch):
    trainer = trainer_of(name, monkeypatch)
    batches = [rows.cuda() for rows in rows_of(20)]
    for rows in batches[:5]:  # compiles, reserves memory
        trainer.step(rows)
    trainer.last_fired[:100] = -1000  # AuxK too
    torch.cuda.set_sync_debug_mode("error")
    try:
        for rows in batches[5:]:
            trainer.step(rows)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert trainer.steps_done == 20 and trainer.dead_count > 0


@pytest.mark.parametrize("name", ["batchtopk", "topk", "matryoshka"])
def test_the_same_bits_twice(name, monkeypatch):
    found = []
    for _ in range(2):
        trainer = trainer_of(name, monkeypatch)
        for rows in rows_of(40):
            trainer.step(rows)
        found.append(trainer.host_weights())
    assert all(torch.equal(one, two) for one, two in zip(found[0].tensors(), found[1].tensors(), strict=True))
