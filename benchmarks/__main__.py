"""Run every benchmark, or those named: `python -m benchmarks harvest models demo`."""

import sys
from importlib import import_module

NAMES = ("models", "harvest", "comparison", "planted", "noise", "labels", "local_server", "demo", "headline")

for name in sys.argv[1:] or NAMES:
    import_module(f"benchmarks.{name}").main()
