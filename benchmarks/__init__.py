"""Measurements of the marks, as ratios in one run; `python -m benchmarks` writes benchmarks/results.json."""
