"""Minutes and peak memory of `make demo`, after installation and the first conversion of the weights."""

import resource
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.record import record
from samedream.activations.sources import resolve
from samedream.study import read_study_file

RUN = Path("runs/demo")


def main() -> None:
    """Run the demo from nothing and record both figures; an earlier run of it is moved aside, not deleted."""
    config, _ = read_study_file(Path("studies/demo.toml"), [])
    for model in config.models:  # the first conversion is not counted
        resolve(model.source, config.activations)
    if RUN.exists():
        shutil.move(RUN, RUN.with_name(f"demo-{int(time.time())}"))
    started = time.monotonic()
    subprocess.run(["make", "demo"], check=True)
    minutes = (time.monotonic() - started) / 60
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # largest single child; the demo is one process
    record("demo.minutes", minutes, unit="minutes", mark="<= 20")
    record("demo.peak_resident_gb", kilobytes * 1024 / 1e9, unit="GB", mark="<= 6")


if __name__ == "__main__":
    main()
