"""The README's table is the one in benchmarks/results.json."""

import json
from pathlib import Path

import pytest
from benchmarks.sae_table import BEGIN, END, between_markers, markdown, write_between
from benchmarks.side_by_side import KEY, NEVER

ROOT = Path(__file__).parent.parent.parent
ROW = {
    "trainer": "saelens", "version": "6.54.12", "setting": "mended", "features": 2560, "vectors": 1_024_000,
    "seeds": 2, "variance_explained": 0.7361, "lowest": 0.7304, "highest": 0.7418, "l0": 31.72,
    "dead_held_out": 0.9712, "dead_wide": 0.9, "vectors_per_second": 2730, "peak_gb": 1.6,
}  # fmt: skip
RESULTS = {
    KEY: {
        "machine": "a processor", "date": "2026-11-23", "rows": [ROW],
        "notes": {"encoder_share_f10240_b2048": 0.712, "encoder_gflops_f10240_b2048": 201.0},
    },
    "demo.minutes": {"value": 17.6, "mark": "<= 20", "holds": True},
    "sae.dead_share_f2560": {"value": 0.031, "mark": "<= 0.02", "holds": False},
    "sae.time_to_best_of_sparsify": {"value": NEVER, "mark": "<= 0.5", "holds": False},
}  # fmt: skip


def test_the_readme_shows_what_results_json_holds():
    results = json.loads((ROOT / "benchmarks/results.json").read_text())
    assert between_markers((ROOT / "README.md").read_text()) == markdown(results)


def test_every_figure_of_a_row_is_shown():
    text = markdown(RESULTS)
    assert text.startswith("Machine: a processor; 2026-11-23.\n")
    assert (
        "| SAELens 6.54.12 | mended | 2,560 | 2,730 | 0.736 [0.730, 0.742] | 31.7 | 97.1% / 90.0% | 1.60 GB |" in text
    )
    assert "| `sae.dead_share_f2560` | 0.031 | <= 0.02 | **no** |" in text
    assert "| `sae.time_to_best_of_sparsify` | not reached | <= 0.5 | **no** |" in text
    assert "demo.minutes" not in text
    assert text.endswith("(201 GFLOP/s) is 71% of our step at F=10240, batch 2048.")


def test_a_row_without_timings_says_so():
    row = ROW | {"vectors_per_second": None, "peak_gb": None, "seeds": 1}
    text = markdown({KEY: RESULTS[KEY] | {"rows": [row]}})
    assert "| SAELens 6.54.12 | mended | 2,560 | – | 0.736 | 31.7 | 97.1% / 90.0% | – |" in text


def test_before_the_first_measurement_the_readme_says_how_to_make_it():
    assert markdown({}) == "Not measured yet: `make bench-sae` writes the table."


def test_only_what_stands_between_the_markers_changes(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\ntable\n{END}\nafter\n")
    write_between(path, (BEGIN, END), markdown(RESULTS))
    text = path.read_text()
    assert between_markers(text) == markdown(RESULTS)
    assert text.startswith(f"before\n{BEGIN}\nMachine") and text.endswith(f"\n{END}\nafter\n")
    write_between(path, (BEGIN, END), markdown(RESULTS))
    assert path.read_text() == text


def test_a_readme_without_markers_is_refused():
    with pytest.raises(ValueError, match=r"^found 0 places between <!-- side by side: begin --> and .*, expected one$"):
        between_markers("no table here")
