"""Trainers side by side: one module per trainer, all run in processes of their own with the same protocol.

`python -m benchmarks.peers.NAME '{"mode": "quality", ...}'` (see `protocol.Job`). The modules import their own trainer
and `protocol`, nothing else of this project, so that the peers' environment need not hold it; `ours` is the exception.
"""
