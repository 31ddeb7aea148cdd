import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

from samedream.features.candidates import Candidates
from samedream.features.config import FeaturesConfig
from samedream.features.strata import choose, draw, passage_keys


def pool(*rows):
    """Rows of (feature, passage, article), best first within a feature."""
    f, p, a = (np.array(c, np.int64) for c in zip(*rows, strict=True)) if rows else (np.zeros(0, np.int64),) * 3
    return Candidates(f.astype(np.int32), p, a, -np.arange(len(f), dtype=float), p)


def test_strata_are_filled_in_order_and_share_no_article():
    top = pool((0, 10, 1), (0, 11, 2), (0, 12, 3), (2, 13, 1))
    middle = pool((0, 11, 2), (0, 12, 3), (0, 14, 4))
    weak = pool((0, 15, 4), (0, 16, 5), (2, 17, 1))
    near = pool((0, 18, 5), (0, 19, 6), (1, 20, 7))
    chosen = choose([top, middle, weak, near], (2, 1, 2, 2), 3)
    # feature 0: top takes articles 1 and 2, middle skips 2 and takes 3, weak takes 4 and 5, near skips 5 and takes 6.
    # feature 1 fires nowhere, so it has no near miss either; feature 2's weak candidate is of its top's article
    found = chosen.candidates
    assert list(zip(found.feature, chosen.rank, chosen.stratum, found.passage, strict=True)) == [
        (0, 0, 0, 10),
        (0, 1, 0, 11),
        (0, 2, 1, 12),
        (0, 3, 2, 15),
        (0, 4, 2, 16),
        (0, 5, 3, 19),
        (2, 0, 0, 13),
    ]


def test_draw_is_uniform_and_differs_between_features():
    keys = passage_keys([f"p{i}" for i in range(4000)], seed=0)
    a = draw(keys, np.zeros(4000, np.int32))
    b = draw(keys, np.ones(4000, np.int32))
    for drawn in (a, b):
        assert 0 <= drawn.min() and drawn.max() < 1
        assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(400, abs=80)  # 4 standard deviations
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.07


def test_keys_depend_on_the_id_and_the_seed_only():
    a, b = passage_keys(["x", "y"], 0), passage_keys(["y", "x"], 0)
    assert a.tolist() == b.tolist()[::-1]
    assert passage_keys(["x"], 1)[0] != a[0]
    digest = hashlib.blake2b(b"x", digest_size=8, key=bytes(8)).digest()
    assert int(a[0]) == int.from_bytes(digest, "little")


def test_bands_must_be_ordered():
    with pytest.raises(ValidationError, match="must satisfy 0 <= weak low < weak high <= middle low < "):
        FeaturesConfig(weak_band=(0.05, 0.5))
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        FeaturesConfig.model_validate({"tops": 3})
    assert FeaturesConfig().exemplars == 25
