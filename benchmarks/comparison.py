"""Speed of the comparison; `python -m benchmarks comparison`.

matches   all pairs of 16,384 x 16,384 features over 1,000,000 passages with 64 active each, partners chosen and scored
          on both halves, against the same products done densely: a slice of those is timed in the same run
whole     `compare` with repeats and twins, 2,560 features a side, 5,000 passages, 200 shuffles
"""

import subprocess
import sys
import time

import numpy as np
from scipy import sparse

from benchmarks.peers.protocol import resident
from benchmarks.record import record
from samedream.comparison.activity import Activity, Csr, compact
from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.matching import halves_of, match
from samedream.comparison.products import sums

PASSAGES, FEATURES, ACTIVE = 1_000_000, 16_384, 64
SLICE = (8_192, 2_048)  # passages and left features of the dense product that is timed
WHOLE = {"passages": 5_000, "features": 2_560, "permutations": 200}


def activity(passages: int, features: int, seed: int) -> Csr:
    """Random activity: in each passage one feature of each of 64 equal parts of the dictionary."""
    random = np.random.default_rng(seed)
    part = features // ACTIVE
    indices = random.integers(0, part, size=(passages, ACTIVE), dtype=np.int32)
    indices += np.arange(0, features, part, dtype=np.int32)
    values = random.standard_exponential(size=passages * ACTIVE, dtype=np.float32)
    starts = np.arange(0, passages * ACTIVE + 1, ACTIVE)
    return compact(sparse.csr_array((values, indices.ravel(), starts), (passages, features)))


def _prepared(matrix: Csr) -> Activity:
    everything = np.arange(matrix.shape[1])
    support = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return Activity(raw=matrix, fired=support, eligible=everything, matrix=matrix, support=support, retained=1.0)


def dense_seconds() -> float:
    """What the dense product of all passages and features would take, from a slice of it."""
    passages, chosen = SLICE
    random = np.random.default_rng(0)
    left, right = (random.random((passages, width), dtype=np.float32) for width in (chosen, FEATURES))
    left.T @ right
    started = time.perf_counter()
    left.T @ right
    return (time.perf_counter() - started) * (PASSAGES / passages) * (FEATURES / chosen)


def matches() -> None:
    """All matches of two large dictionaries."""
    dense = dense_seconds()
    blocks = split_blocks(np.arange(PASSAGES) // 4, PASSAGES, 0)
    left, right = (_prepared(activity(PASSAGES, FEATURES, seed)) for seed in (1, 2))
    sums(sparse.csc_array(left.matrix[:8]), right.matrix[:8])  # compiled once a machine
    started = time.perf_counter()
    match(halves_of(left, blocks), halves_of(right, blocks), blocks)
    seconds = time.perf_counter() - started
    peak = resident() / 1e9
    record("comparison.matches_16k_seconds", seconds, unit="seconds", mark="<= 90")
    record("comparison.matches_16k_peak_gb", peak, unit="GB", mark="<= 4")
    record("comparison.matches_16k_over_dense", dense / seconds, unit="times faster", mark=">= 20")


def whole() -> None:
    """A comparison of the usual size with all that a study has."""
    given = [activity(WHOLE["passages"], WHOLE["features"], seed) for seed in range(6)]
    names = ("left_repeat", "right_repeat", "left_floor", "right_floor")
    blocks = np.arange(WHOLE["passages"]) // 4
    started = time.perf_counter()
    compare(
        given[0], given[1], blocks, ComparisonConfig(permutations=WHOLE["permutations"]),
        **dict(zip(names, given[2:], strict=True)),
    )  # fmt: skip
    record("comparison.whole_2560_seconds", time.perf_counter() - started, unit="seconds", mark="<= 30")


def main() -> None:
    """Both, each in a process of its own: the peak of memory is that of nothing else."""
    for part in ("matches", "whole"):
        subprocess.run([sys.executable, "-m", "benchmarks.comparison", part], check=True)


if __name__ == "__main__":
    {"matches": matches, "whole": whole}[sys.argv[1]]()
