"""The table of the README, made from benchmarks/results.json alone."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import KEY, NAMES, NEVER

BEGIN, END = "<!-- side by side: begin -->", "<!-- side by side: end -->"


def markdown(results: Mapping[str, Any]) -> str:
    """What stands between the markers of the README.

    Args:
        results: The contents of benchmarks/results.json.
    """
    if KEY not in results:
        return "Not measured yet: `make bench-sae` writes the table."
    side = results[KEY]
    lines = [
        f"Machine: {side['machine']}; {side['date']}.",
        "",
        "| trainer | setting | features | vectors/s | variance explained | L0 | dead | peak memory |",
        "|---|---|---|---|---|---|---|---|",
        *map(_row, side["rows"]),
        "",
        "| mark | measured | asked | holds |",
        "|---|---|---|---|",
    ]
    for key, entry in sorted(results.items()):
        if key.startswith("sae.") and "mark" in entry:
            value = "not reached" if entry["value"] == NEVER and key.startswith("sae.time") else f"{entry['value']:.4g}"
            lines.append(f"| `{key}` | {value} | {entry['mark']} | {'yes' if entry['holds'] else '**no**'} |")
    for key, value in sorted(side["notes"].items()):
        if match := re.fullmatch(r"encoder_share_f(\d+)_b(\d+)", key):
            width, batch = match.groups()
            rate = side["notes"][f"encoder_gflops_f{width}_b{batch}"]
            lines += ["", f"The encoder's product alone ({rate:g} GFLOP/s) is {value:.0%} of our step at F={width}, "
                      f"batch {batch}."]  # fmt: skip
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    """One line of the table."""
    spread = f" [{row['lowest']:.3f}, {row['highest']:.3f}]" if row["seeds"] > 1 else ""
    speed = f"{row['vectors_per_second']:,}" if row["vectors_per_second"] else "–"
    peak = f"{row['peak_gb']:.2f} GB" if row["peak_gb"] else "–"
    name = f"{NAMES[row['trainer']]} {row['version']}"
    cells = (
        name,
        row["setting"],
        f"{row['features']:,}",
        speed,
        f"{row['variance_explained']:.3f}{spread}",
        f"{row['l0']:.1f}",
        f"{row['dead_held_out']:.1%} / {row['dead_wide']:.1%}",
        peak,
    )
    return f"| {' | '.join(cells)} |"


def between_markers(text: str, markers: tuple[str, str] = (BEGIN, END)) -> str:
    """What stands between two markers of a page.

    Raises:
        ValueError: The markers are not there, once each and in order.
    """
    begin, end = markers
    found = re.findall(f"{re.escape(begin)}\n(.*?)\n{re.escape(end)}", text, re.S)
    if len(found) != 1:
        raise ValueError(f"found {len(found)} places between {begin} and {end}, expected one")
    return str(found[0])


def write_between(path: Path, markers: tuple[str, str], table: str) -> None:
    """Put a table between two markers of a page."""
    text = path.read_text()
    path.write_text(text.replace(between_markers(text, markers), table))


def processor() -> str:
    """The processor's name as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"
