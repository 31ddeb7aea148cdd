"""The presets' table on docs/sae.md is the one in benchmarks/results.json."""

import json
from pathlib import Path

from benchmarks.sae_presets import BEGIN, COLUMNS, END, KEY, PRESETS, markdown
from benchmarks.sae_table import between_markers

from samedream.sae.config import L1_STRENGTH, SAEConfig

ROOT = Path(__file__).parent.parent.parent


def test_the_page_shows_what_results_json_holds():
    found = json.loads((ROOT / "benchmarks/results.json").read_text())[KEY]
    assert between_markers((ROOT / "docs/sae.md").read_text(), (BEGIN, END)) == markdown(found)
    assert [row["preset"] for row in found["rows"]] == list(PRESETS)


def test_figures_outside_the_range_are_bold():
    row = {key: {"value": 0.25, "healthy": None} for key in COLUMNS}
    row |= {"preset": "topk", "gini": {"value": 0.71234, "healthy": False}}
    row |= {"density": {"value": 0.0125, "healthy": True}}
    text = markdown({"machine": "a processor", "date": "2026-11-26", "vectors": 300_000, "rows": [row]})
    assert text.splitlines()[-1] == "| `topk` | 0.25 | 0.25 | 0.0125 | 0.25 | **0.712** | 0.25 | 0.25 | 0.25 |"
    assert text.startswith("Machine: a processor; 2026-11-26; 300,000 training vectors.\n")


def test_every_variant_that_is_no_baseline_is_there():
    variants = {SAEConfig(**settings).variant for settings in PRESETS.values()}
    assert variants == {"batchtopk", "topk", "matryoshka", "jumprelu", *L1_STRENGTH}
