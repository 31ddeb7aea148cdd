"""Machine code that is kept between runs is that of the files as they are now."""

import pickle
from pathlib import Path

import numba
import numpy as np

from samedream.sae.fused import kernel, sums


def test_a_change_in_any_file_changes_the_digest(tmp_path):
    (tmp_path / "one.py").write_text("a = 1\n")
    (tmp_path / "two.py").write_text("b = 1\n")
    before = kernel.digest(tmp_path)
    (tmp_path / "notes.txt").write_text("no code")
    assert kernel.digest(tmp_path) == before
    (tmp_path / "two.py").write_text("b = 2\n")
    assert kernel.digest(tmp_path) != before


def test_kept_code_carries_the_digest():
    sums._dot(np.ones(3, np.float32), np.ones(3, np.float32))
    with Path(sums._dot._cache._cache_file._index_path).open("rb") as file:
        assert pickle.load(file) == numba.__version__
        stamp, kept = pickle.loads(file.read())
    assert stamp == kernel.DIGEST
    assert kept


def test_code_with_another_digest_is_compiled_again(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def twice(x):
        return 2 * x

    counts = []
    for stamp in ("one", "one", "two"):
        monkeypatch.setattr(kernel, "DIGEST", stamp)
        compiled = kernel.kernel(twice)
        assert compiled(3) == 6
        counts.append(sum(compiled.stats.cache_hits.values()))
    assert counts == [0, 1, 0]
