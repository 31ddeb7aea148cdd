"""Health of every preset on the benchmark's harvest, against the user's ranges; `python -m benchmarks sae_presets`.

Each row of the table in docs/sae.md is one whole `train_sae` on 310,057 token vectors from disk, one seed.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import samedream
from benchmarks import sae, sae_table
from benchmarks.record import RESULTS, machine
from samedream.activations.store import ActivationStore
from samedream.sae.config import SAEConfig

KEY = "sae.presets"
PAGE = Path("docs/sae.md")
BEGIN, END = "<!-- presets: begin -->", "<!-- presets: end -->"
_SHAPE = {"width": 2560, "k": 32, "batch_rows": 1024, "steps": 1000}
PRESETS: dict[str, dict[str, Any]] = {
    "batchtopk": _SHAPE,
    "topk": {"variant": "topk", **_SHAPE},
    "l1_topk": {"variant": "l1_topk", **_SHAPE},
    "matryoshka": {"variant": "matryoshka", **_SHAPE},
    "jumprelu": {"variant": "jumprelu", **_SHAPE},
    "l1": {"variant": "l1", **_SHAPE},
    # A tenth of the write-up's 100 epochs, which would take an hour and a half.
    "original, 10 epochs": {"preset": "original", "epochs": 10},
}
COLUMNS = {
    "variance_explained": "variance explained",
    "l0": "L0",
    "density": "density",
    "dead_share": "dead",
    "gini": "Gini",
    "decoder_cosine_mean": "cosine, mean",
    "decoder_cosine_p95": "95 %",
    "decoder_cosine_max": "max",
}


def markdown(found: Mapping[str, Any]) -> str:
    """The table; what lies outside the user's range is bold.

    Args:
        found: What results.json holds under `KEY`.
    """
    lines = [
        f"Machine: {found['machine']}; {found['date']}; {found['vectors']:,} training vectors.",
        "",
        f"| preset | {' | '.join(COLUMNS.values())} |",
        f"|{'---|' * (len(COLUMNS) + 1)}",
    ]
    for row in found["rows"]:
        cells = (f"{row[key]['value'] + 0.0:.3g}" for key in COLUMNS)
        marked = (
            f"**{cell}**" if row[key]["healthy"] is False else cell for key, cell in zip(COLUMNS, cells, strict=True)
        )
        lines.append(f"| `{row['preset']}` | {' | '.join(marked)} |")
    return "\n".join(lines)


def main() -> None:
    """Train each, write results.json and the page."""
    sae.prepare()
    store, rows = ActivationStore.open(sae.RUNS / "activations"), []
    vectors = 0
    for name, settings in PRESETS.items():
        _, report = samedream.train_sae(store, SAEConfig(**settings))
        vectors = report.rows
        figures = {m.key: {"value": round(m.value, 4), "healthy": m.healthy} for m in report.health if m.key in COLUMNS}
        rows.append({"preset": name, **figures})
        print(name, {key: figure["value"] for key, figure in figures.items()}, flush=True)
    results = json.loads(RESULTS.read_text())
    results[KEY] = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "vectors": vectors, "rows": rows}
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    sae_table.write_between(PAGE, (BEGIN, END), markdown(results[KEY]))


if __name__ == "__main__":
    main()
