"""benchmarks/results.json: one flat object, key → value, unit, mark, whether it holds, commit, date, machine."""

import json
import operator
import os
import platform
import subprocess
import time
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results.json"
_COMPARE = {">=": operator.ge, "<=": operator.le}


def gemm_gflops(dtype: torch.dtype = torch.float32) -> float:
    """The machine's ceiling: a 2048-cubed matrix product, best of five, in GFLOP/s."""
    left, right = torch.randn(2048, 2048, dtype=dtype), torch.randn(2048, 2048, dtype=dtype)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - started)
    return 2 * 2048**3 / best / 1e9


def machine() -> str:
    """Cores, instruction set and measured ceiling, in words."""
    cores = os.cpu_count()
    level = torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} {cores} cores {level}, {gemm_gflops():.0f} GFLOP/s fp32, torch {torch.__version__}"


def record(key: str, value: float, *, unit: str, mark: str) -> None:
    """Write one figure.

    Args:
        key: Name of the figure ("demo.minutes").
        value: What was measured.
        unit: Its unit.
        mark: What it must reach, such as ">= 0.85" or "<= 20"; `holds` is computed from it.
    """
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    comparison, bound = mark.split()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    results[key] = {
        "value": round(value, 4),
        "unit": unit,
        "mark": mark,
        "holds": bool(_COMPARE[comparison](value, float(bound))),
        "commit": commit.stdout.strip() or "unknown",
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
    }
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    print(f"{key}: {value:.4g} {unit} (mark {mark}: {'holds' if results[key]['holds'] else 'MISSED'})", flush=True)
