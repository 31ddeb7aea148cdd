import importlib.util
import sys
from pathlib import Path

import pytest


def _module(name, file):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_activity = _module("planted_activity", "planted.py")
_splits = _module("planted_splits", "planted_splits.py")  # it imports planted_activity


@pytest.fixture(scope="session")
def planted():
    """`planted(shared, seed=...)`: activity with a known shared fraction; see planted.py."""
    return _activity.planted


@pytest.fixture(scope="session")
def planted_world():
    """`planted_world(rng, articles)`: articles, concepts, and how dictionaries show them; see planted.py."""
    return _activity.World


@pytest.fixture(scope="session")
def planted_splits():
    """`planted_splits(seed, ...)`: dictionaries with known splits; see planted_splits.py."""
    return _splits.planted_splits
