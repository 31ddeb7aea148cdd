"""One of several processes that train together: `train_rank.py RANK COUNT DIRECTORY`."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import save_file

from samedream.sae.config import SAEConfig
from samedream.sae.feed import Feed
from samedream.sae.plan import make_plan
from samedream.sae.scaling import Scaling
from samedream.sae.trainer import Trainer
from samedream.sae.variants import variant

D, WIDTH, STEPS = 16, 64, 25


def vectors():
    generator = torch.Generator().manual_seed(5)
    return torch.randn(400, D, generator=generator) + torch.randn(400, 1, generator=generator)


def trained(name, engine=None):
    config = SAEConfig(variant=name, k=4, width=WIDTH, steps=STEPS, batch_rows=48, learning_rate=1e-3)
    # nothing dies: AuxK measures its residual in each process by itself
    plan = replace(make_plan(config, 400, D), dead_after=1000)
    trainer = Trainer(D, plan, variant(config, WIDTH), seed=3)
    if engine is not None:
        trainer.engine = engine(trainer.weights, trainer.kind, aux_k=plan.aux_k)
    feed = Feed(vectors(), np.arange(400), scaling=Scaling(torch.zeros(D), 1.0), seed=7)
    losses = [trainer.step(rows).unexplained for rows in feed.batches(plan)]
    return trainer, losses


if __name__ == "__main__":
    rank, count, directory = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{directory / 'meeting'}", rank=rank, world_size=count)
    for name in ("topk", "batchtopk"):
        trainer, losses = trained(name)
        found = {str(place): tensor for place, tensor in enumerate(trainer.weights.tensors())}
        found |= {"losses": torch.tensor(losses), "last_fired": trainer.last_fired}
        save_file(found, directory / f"{name}-{rank}.safetensors")
    dist.destroy_process_group()
