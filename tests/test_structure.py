"""The house keeps its own rules: sizes, light imports, names that the documents promise."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import samedream

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "src/samedream").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, f"{node.name} at line {node.lineno}"


def test_the_public_names_are_these_and_can_be_had() -> None:
    settings = ["ComparisonConfig", "CorpusConfig", "HarvestConfig", "SAEConfig"]
    assert samedream.__all__ == [*settings, "compare", "harvest", "read_passages", "train_sae"]
    for name in samedream.__all__:
        assert getattr(samedream, name).__module__.startswith("samedream.")
    assert re.match(r"\d+\.\d+", samedream.__version__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = samedream.nothing


@pytest.mark.parametrize("module", ["samedream", "samedream.cli", "samedream.study", "samedream.stages"])
def test_light_modules_import_neither_torch_nor_transformers(module: str) -> None:
    code = (
        f"import {module}, sys; print([m for m in ('torch', 'transformers', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_no_room_imports_the_root_package_or_pickle() -> None:
    for path in MODULES:
        text = path.read_text()
        assert not re.search(
            r"^\s*(from samedream import (?!artifacts|progress|stages)|import samedream$)", text, re.M
        ), path
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib)\b", text, re.M), path


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    for path in (ROOT / "src/samedream").iterdir():
        if path.name.startswith("__"):
            continue
        name = f"{path.name}/" if path.is_dir() else path.name
        assert f"  {name} " in page, name
    for stage in ("corpus", "activations", "sae", "features", "labels", "comparison", "report"):
        assert (ROOT / "docs" / f"{stage}.md").is_file()
        assert (ROOT / "tests" / stage).is_dir()


def test_nothing_tracked_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in (".md", ".toml", ".txt", ".py", ".json", "") and path.is_file() and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert f"{ROOT}/" not in text, name
            assert "index-url" not in text, name
