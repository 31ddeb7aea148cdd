"""The local server's own process: `python -m samedream.labels.language.serving`, started by `local` only.

It reads one line of JSON, serves, says where, and ends when its standard input does.
"""

import json
import os
import sys


def main() -> None:
    """Serve what the line on standard input says until standard input ends."""
    import xllamacpp

    order = json.loads(sys.stdin.readline())
    threads = max(1, (os.cpu_count() or 2) - 1)  # one is left to whoever else computes
    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # a free one
    params.api_keys = [order["key"]]
    params.n_parallel = 1
    params.n_ctx = order["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.ui = False
    params.warmup = False
    params.verbosity = 1  # errors
    server = xllamacpp.Server(params)
    sys.stdout.write(f"listening {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # whatever it is doing: nobody listens any more


if __name__ == "__main__":
    main()
