import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.comparison.labelled.rows import label, match, summary

from samedream import artifacts
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled.run import run
from samedream.comparison.labelled.store import load_written
from samedream.errors import CorruptArtifactError, MissingArtifactError, StaleArtifactError


def finish(directory: Path, stage: str, tables: dict[str, list[dict]], **values: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    files = [directory / name for name in [*tables, *values]]
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), directory / name)
    for name, value in values.items():
        artifacts.write_json(directory / f"{name}.json", value)
    files = [directory / name for name in tables] + [directory / f"{name}.json" for name in values]
    artifacts.finish(directory, stage, {}, inputs={}, counts={}, files=files)
    return directory


@pytest.fixture
def study(tmp_path: Path) -> Path:
    matches = [match(side, n, n) for side in "ab" for n in range(4)]
    finish(tmp_path / "comparison/one--two", "comparison", {"matches.parquet": matches}, summary=summary())
    for name in ("one", "two"):
        rows = [label(n, f"{name} {n}", "Chess") for n in range(4)]
        finish(tmp_path / "labels" / name, "labels", {"labels.parquet": rows})
    return tmp_path


def make(study: Path) -> Path:
    out = study / "comparison/one--two/labelled"
    run(
        out,
        ComparisonConfig(),
        pair=study / "comparison/one--two",
        labels=(study / "labels/one", study / "labels/two"),
    )
    return out


def test_it_writes_words_for_programs_and_readers(study: Path) -> None:
    out = make(study)
    written = load_written(out)
    assert written.models == ("One", "Two")
    assert "57 % [55–59 %] of One’s stable features" in (out / "written.md").read_text()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["inputs"].keys() == {"comparison", "left", "right"}
    assert manifest["counts"]["claims"]["summary"] == sum(
        len(one.claims) for one in written.sections if one.key == "summary"
    )


def test_a_second_run_changes_nothing_and_new_labels_leave_the_comparison_alone(study: Path) -> None:
    out = make(study)
    before = (out / "written.json").read_bytes(), (study / "comparison/one--two/manifest.json").read_bytes()
    make(study)
    assert (out / "written.json").read_bytes() == before[0]
    finish(study / "labels/one", "labels", {"labels.parquet": [label(n, f"new {n}", "Chess") for n in range(4)]})
    with pytest.raises(StaleArtifactError, match=r"labelled was made with the input left = "):
        make(study)
    assert (study / "comparison/one--two/manifest.json").read_bytes() == before[1]


def test_what_is_missing_or_broken_is_said(study: Path) -> None:
    out = make(study)
    (out / "written.json").write_text("{}")
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        load_written(out)
    (study / "labels/two/manifest.json").unlink()
    with pytest.raises(MissingArtifactError, match="labels/two is not finished"):
        make(study)
