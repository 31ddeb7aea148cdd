"""The demo's answer into results.json and the README; `python -m benchmarks headline` after a demo."""

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS
from benchmarks.sae_table import write_between

RUN = Path("runs/demo")
KEY = "comparison.demo"
BEGIN, END = "<!-- headline: begin -->", "<!-- headline: end -->"
FIGURES = ("universality", "floor", "ceiling", "normalised", "shared_fraction", "shared_over_twins")
WAYS = ("a_to_b", "b_to_a")


def answer(summary: dict[str, Any]) -> dict[str, Any]:
    """What the headline needs of a comparison's summary.json."""
    keys = ("models", "passages", "verdict", *FIGURES)
    hanging = [note for note in summary["notes"] if "hangs on few articles" in note]
    return {
        **{key: summary[key] for key in keys},
        "granularity": summary["granularity"]["verdict"],
        "hanging": hanging,
    }


def markdown(found: dict[str, Any]) -> str:
    """The verdict in a sentence, and the figures behind it as a table."""
    a, b = found["models"]
    head = "| | universality | floor | ceiling | normalised | shared fraction | over twins alone |"
    rows = []
    for name, way in zip((f"{a} in {b}", f"{b} in {a}"), WAYS, strict=True):
        rows.append(f"| {name} | " + " | ".join(_cell(found[key][way], key) for key in FIGURES) + " |")
    finer = found["granularity"] or "cannot tell"
    lines = [
        f"> {found['verdict']}",
        "",
        head,
        "|---" * 7 + "|",
        *rows,
        "",
        f"{found['passages']:,} passages; in brackets 95 % intervals. Which of the two cuts the world finer: {finer}. "
        "*Over twins alone* is the shared fraction under a weaker assumption (docs/comparison.md).",
    ]
    named = [note.replace("a to b", f"{a} in {b}").replace("b to a", f"{b} in {a}") for note in found["hanging"]]
    return "\n\n".join(["\n".join(lines), *named])


def _cell(interval: dict[str, float] | None, key: str) -> str:
    if interval is None:
        return "cannot tell"
    value, low, high = (interval[part] for part in ("value", "low", "high"))
    if key.startswith("shared"):
        return f"{value:.0%} [{low:.0%}, {high:.0%}]"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Take the answer of the demo's one pair."""
    (path,) = RUN.glob("comparison/*--*/summary.json")
    found = answer(json.loads(path.read_text()))
    results = json.loads(RESULTS.read_text())
    results[KEY] = {**found, "date": time.strftime("%Y-%m-%d")}
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    write_between(Path("README.md"), (BEGIN, END), markdown(found))


if __name__ == "__main__":
    main()
