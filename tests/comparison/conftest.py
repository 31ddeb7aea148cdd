import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("planted_activity", Path(__file__).with_name("planted.py"))
_module = importlib.util.module_from_spec(_spec)
sys.modules["planted_activity"] = _module
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def planted():
    """`planted(shared, seed=...)`: activity with a known shared fraction; see planted.py."""
    return _module.planted


@pytest.fixture(scope="session")
def planted_world():
    """`planted_world(rng, articles)`: articles, concepts, and how dictionaries show them; see planted.py."""
    return _module.World
