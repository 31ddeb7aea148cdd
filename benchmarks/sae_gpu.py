"""A GPU's training step against its floor, at d 2048, F 65536, k 64, batch 8192; `python -m benchmarks sae_gpu`.

The floor is what this GPU needs for the encoder's product alone (measured), and for moving what a step has to move at
the rate of a plain copy (measured): pre-activations written once and looked through once, a row of the decoder for each
active feature when decoding and again for its slope, a hidden state and an error for each in the gradients, errors
between these passes, and weights and moments read and written once. Nothing is counted as found in a cache.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.record import record
from samedream.sae.config import SAEConfig
from samedream.sae.plan import TrainingPlan
from samedream.sae.trainer import Trainer
from samedream.sae.variants import variant

D, WIDTH, K, ROWS = 2048, 65_536, 64, 8192
WARM, TIMED, ROUNDS = 12, 40, 3


def seconds(run: Callable[[], object], times: int) -> float:
    """Seconds of one run, over `times` in a row without waiting in between: the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(times):
            run()
        torch.cuda.synchronize()
        found.append((time.perf_counter() - started) / times)
    return statistics.median(found)


def floor_seconds() -> dict[str, float]:
    """The parts of the floor."""
    rows = torch.randn(ROWS, D, device="cuda").bfloat16()
    encoder, bias = torch.randn(WIDTH, D, device="cuda").bfloat16(), torch.zeros(WIDTH, device="cuda").bfloat16()
    for _ in range(3):
        torch.addmm(bias, rows, encoder.T)
    product = seconds(lambda: torch.addmm(bias, rows, encoder.T), 20)
    source = torch.empty(2**28, device="cuda")  # 1 GiB
    target = torch.empty_like(source)
    rate = 2 * source.nbytes / seconds(lambda: target.copy_(source), 20)
    active = ROWS * K
    return {
        "product": product,
        "selection": 2 * 2 * ROWS * WIDTH / rate,  # bf16, written and read
        "sparse reads": 4 * (4 * active * D) / rate,  # decode, slopes, both gradients
        "errors": 5 * (4 * ROWS * D) / rate,  # rows read; errors, then pulls, written and read
        "optimiser": WIDTH * D * (2 * 3 * 2 * 4 + 2) / rate,  # two matrices, each with two moments; the bf16 copy
    }


def step_seconds(name: str) -> float:
    """A step of the trainer on rows that are on the GPU already."""
    os.environ["SAMEDREAM_DEVICE"] = "cuda"
    plan = TrainingPlan(
        width=WIDTH, batch_rows=ROWS, steps=10_000, learning_rate=1e-4, aux_k=D // 2, dead_after=10_000
    )  # fmt: skip
    trainer = Trainer(D, plan, variant(SAEConfig(variant=name, k=K, width=WIDTH), WIDTH), seed=0)
    batches = [torch.randn(ROWS, D, device="cuda") for _ in range(4)]
    place = iter(range(10**9))

    def step() -> None:
        trainer.step(batches[next(place) % len(batches)])

    for _ in range(WARM):
        step()
    return seconds(step, TIMED)


def main() -> None:
    """Record the ratio of BatchTopK's step to the floor; TopK's is printed beside it."""
    if not torch.cuda.is_available():
        sys.exit(
            f"torch {torch.__version__} finds no CUDA GPU: sae.gpu_step_over_floor needs one. Run this where there is "
            f"an NVIDIA GPU with 40 GB and torch for CUDA; nothing was recorded"
        )
    print(torch.cuda.get_device_name(), flush=True)
    parts = floor_seconds()
    floor = sum(parts.values())
    print("floor: " + ", ".join(f"{name} {1000 * part:.2f} ms" for name, part in parts.items()), flush=True)
    found = {name: step_seconds(name) for name in ("batchtopk", "topk")}
    for name, step in found.items():
        print(f"{name}: {1000 * step:.2f} ms a step, {step / floor:.2f} times the floor, {ROWS / step:,.0f} vectors/s")
    unit = f"times the floor of {1000 * floor:.1f} ms ({torch.cuda.get_device_name()})"
    record("sae.gpu_step_over_floor", found["batchtopk"] / floor, unit=unit, mark="<= 2")


if __name__ == "__main__":
    main()
