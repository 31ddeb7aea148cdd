from collections.abc import Callable
from pathlib import Path

import pytest
from tests.report.small_study import Plan, make_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small study of two models; do not change it."""
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make a small study of one's own: make(floor=False, …)."""

    def build(**changes: object) -> Path:
        return make_study(tmp_path / "study", Plan(**changes))  # type: ignore[arg-type]

    return build
