"""What every trainer does in the side-by-side benchmark: the same rows in the same order, the same three measurements.

quality   the whole run; at chosen moments the held-out figures, through the trainer's own inference path
speed     steps for some seconds after five steps of warm-up; the median seconds per step, reading the batch included
memory    a few steps; the highest resident memory before the trainer was made and at the end; rows are read from the
          file in place of held in memory, where they would count as resident
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

MOMENTS = (10, 25, 50, 100, 150, 200, 300, 400, 500, 625, 750, 875, 1000)  # steps; the last step is always one
WIDE_ROWS = 65_536  # training rows on which a feature may be found alive, besides the held-out ones
WARM_UP = 5
_CHUNK = 1024

Encode = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Rows [n, d] -> their reconstruction [n, d] and which features fire, bool [n, features]."""


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        mode: "quality", "speed" or "memory".
        trainer: Name of the module.
        setting: "stock", "mended", "centred" or "tuned" ("default" for ours).
        features: Width of the dictionary.
        batch: Rows per step.
        steps: Of the whole run: the schedules are those of the whole run, also where only its start is timed.
        seed: Of weights and of the order of rows.
        k: Features per row.
        rate: Factor on the trainer's own learning rate.
        data: Directory with train, held_out and calibration `.f32.npy` and data.json.
        out: The JSON to write.
        seconds: Time box of "speed".
        source: Fingerprint of the trainer's code, kept with the result.
    """

    mode: str
    trainer: str
    setting: str
    features: int
    batch: int
    steps: int
    seed: int
    k: int
    data: str
    out: str
    rate: float = 1.0
    seconds: float = 8.0
    source: str = ""


class Rows:
    """A matrix, given a batch at a time; centred and scaled to a mean squared norm of d if asked."""

    def __init__(self, directory: str, name: str, *, centred: bool, held: bool = True) -> None:
        """Open it.

        Args:
            directory: Where the matrices are.
            name: Which of them.
            centred: Whether trainers get centred and scaled rows.
            held: Whether all of it is read into memory now, so that no trainer waits for pages in its timed steps.
        """
        self.path = Path(directory) / f"{name}.f32.npy"
        self.matrix = np.load(self.path, mmap_mode=None if held else "r")
        self.held = torch.from_numpy(self.matrix) if held else None
        known = json.loads((Path(directory) / "data.json").read_text())
        self.mean = torch.tensor(known["mean"])
        self.centred, self.scale = centred, float(known["scale"])

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def width(self) -> int:
        """Dimensions of a row."""
        return int(self.matrix.shape[1])

    def raw(self, numbers: object) -> torch.Tensor:
        """Rows as the model gave them, a copy, float32 [n, d]."""
        chosen = np.arange(len(self))[numbers]
        if self.held is not None:
            return self.held.index_select(0, torch.from_numpy(chosen))
        rows = np.empty((len(chosen), self.width), np.float32)
        with self.path.open("rb", buffering=0) as file:
            for row, number in zip(rows, chosen, strict=True):
                file.seek(self.matrix.offset + int(number) * row.nbytes)
                file.readinto(row)
        return torch.from_numpy(rows)

    def take(self, numbers: object) -> torch.Tensor:
        """Rows as the trainer gets them, a copy, float32 [n, d]."""
        return self.to_trainer(self.raw(numbers))

    def to_trainer(self, rows: torch.Tensor) -> torch.Tensor:
        """Centre and scale, in place."""
        return rows.sub_(self.mean).mul_(self.scale) if self.centred else rows

    def to_raw(self, rows: torch.Tensor) -> torch.Tensor:
        """The way back."""
        return rows / self.scale + self.mean if self.centred else rows


class Trainer(Protocol):
    """One trainer in the middle of its run."""

    def step(self, number: int, rows: torch.Tensor) -> None:
        """Learn from one batch; `number` counts from 0."""

    def inference(self) -> AbstractContextManager[Encode]:
        """The dictionary as a user of this library would use it now."""


def batches(rows: int, job: Job) -> Iterator[np.ndarray]:
    """Row numbers of each step: every epoch a new permutation, the incomplete last batch left out."""
    per_epoch = rows // job.batch
    for step in range(job.steps):
        epoch, place = divmod(step, per_epoch)
        if place == 0:
            order = np.random.default_rng([job.seed, epoch]).permutation(rows)
        yield order[place * job.batch : (place + 1) * job.batch]


def measure(trainer: Trainer, held_out: Rows, others: Rows | None) -> dict[str, float]:
    """Figures on held-out rows, in the model's own units.

    Args:
        trainer: In the middle of its run.
        held_out: Rows of articles it does not learn from.
        others: Where given, WIDE_ROWS of these too are searched for features that seem dead.
    """
    error = spread = fired = 0.0
    mean = torch.from_numpy(held_out.matrix.mean(0, dtype=np.float64))
    with torch.no_grad(), trainer.inference() as encode:
        alive = torch.zeros(0, dtype=torch.bool)
        for start in range(0, len(held_out), _CHUNK):
            raw = held_out.raw(slice(start, start + _CHUNK))
            rebuilt, active = encode(held_out.to_trainer(raw.clone()))
            error += float((held_out.to_raw(rebuilt) - raw).double().square().sum())
            spread += float((raw.double() - mean).square().sum())
            fired += float(active.sum())
            alive = active.any(0) | alive if len(alive) else active.any(0)
        found = {
            "variance_explained": 1 - error / spread,
            "l0": fired / len(held_out),
            "dead_held_out": float((~alive).float().mean()),
        }
        if others is not None:
            every = max(1, len(others) // WIDE_ROWS)
            numbers = np.arange(0, len(others), every)[:WIDE_ROWS]
            for start in range(0, len(numbers), _CHUNK):
                alive |= encode(others.take(numbers[start : start + _CHUNK]))[1].any(0)
            found["dead_wide"] = float((~alive).float().mean())
    return found


def quality(trainer: Trainer, job: Job, train: Rows, held_out: Rows) -> dict[str, object]:
    """Train to the end; the curve."""
    curve, seconds = [], 0.0
    for number, chosen in enumerate(batches(len(train), job)):
        started = time.perf_counter()
        trainer.step(number, train.take(chosen))
        seconds += time.perf_counter() - started
        done, last = number + 1, number + 1 == job.steps
        if done in MOMENTS or last:
            figures = measure(trainer, held_out, train if last else None)
            curve.append({"vectors": done * job.batch, **figures})
            print(job.trainer, job.setting, f"step {done}, {seconds:.0f} s", figures, flush=True)
    return {"curve": curve, "training_seconds": seconds}


def speed(trainer: Trainer, job: Job, train: Rows) -> dict[str, object]:
    """Time steps; the batch is read inside the clock."""
    times: list[float] = []
    ends = float("inf")
    for number, chosen in enumerate(batches(len(train), job)):
        if number == WARM_UP:
            ends = time.perf_counter() + job.seconds
        started = time.perf_counter()
        trainer.step(number, train.take(chosen))
        times.append(time.perf_counter() - started)
        if time.perf_counter() > ends:
            break
    timed = times[WARM_UP:]
    return {"seconds_per_step": statistics.median(timed), "mean_seconds": statistics.fmean(timed), "timed": len(timed)}


def resident(field: str = "VmHWM") -> int:
    """Bytes of resident memory, the highest so far. Not `ru_maxrss`: that one remembers the process before `exec`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def memory(build: Callable[[Job, Rows], Trainer], job: Job, train: Rows, *, steps: int = 60) -> dict[str, object]:
    """Highest resident memory before the trainer was made and after some steps."""
    train.take(next(batches(len(train), job)))  # the reader's own buffers and torch's own code belong to "before"
    (torch.ones(64, 64, requires_grad=True) @ torch.ones(64, 64)).sum().backward()
    if hasattr(build, "warm_up"):  # what is code and no data belongs to "before"
        build.warm_up(job.data)
    before = resident()
    trainer = build(job, train)
    if hasattr(trainer, "own_steps"):  # a trainer that reads a disk by itself
        trainer.own_steps()
    else:
        for number, chosen in zip(range(steps), batches(len(train), job), strict=False):
            trainer.step(number, train.take(chosen))
    parts = trainer.parts() if hasattr(trainer, "parts") else {}
    return {"before_bytes": before, "peak_bytes": resident(), "parts": parts}


def run(
    build: Callable[[Job, Rows], Trainer], package: str, *, centred: tuple[str, ...] = ("centred", "tuned")
) -> None:
    """Do the job on the command line and write its JSON, atomically.

    Args:
        build: Makes the trainer; its random numbers come from torch's generator, seeded here.
        package: Distribution whose version is written down.
        centred: Settings in which the trainer is given centred and scaled rows.
    """
    job = Job(**json.loads(sys.argv[1]))
    torch.manual_seed(job.seed)
    train = Rows(job.data, "train", centred=job.setting in centred, held=job.mode != "memory")
    if job.mode == "memory":
        result = memory(build, job, train)
    else:
        trainer = build(job, train)
        torch.manual_seed(job.seed)
        if job.mode == "quality":
            result = quality(trainer, job, train, Rows(job.data, "held_out", centred=train.centred))
        else:
            result = speed(trainer, job, train)
    whole = {**asdict(job), "version": version(package), "threads": torch.get_num_threads(), **result}
    for local in ("data", "out"):
        del whole[local]
    path = Path(job.out)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(whole, indent=1) + "\n")
    part.replace(path)
