"""Reading rows of a harvest from disk."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.activations.rows import StoredRows
from samedream.activations.shards import shard_name, write_shard
from samedream.errors import CorruptArtifactError

SIZES = (5, 1, 7)
SINKS = (2, 3, 5, 12)  # row numbers over all shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Three shards whose rows hold their number; some are sinks."""
    directory, paths, first = tmp_path_factory.mktemp("shards"), [], 0
    for number, size in enumerate(SIZES):
        rows = torch.arange(first, first + size)
        norms = torch.where(torch.isin(rows, torch.tensor(SINKS)), 99.0, 1.0)
        tensors = {"block-1": rows[:, None].repeat(1, 4).bfloat16(), "block-1.norm": norms}
        paths.append(directory / shard_name(number))
        write_shard(paths[-1], tensors, signature="s", counts={})
        first += size
    return paths


KEPT = [row for row in range(sum(SIZES)) if row not in SINKS]


@given(wanted=st.lists(st.integers(0, len(KEPT) - 1)))
@settings(deadline=None)
def test_rows_are_those_that_are_no_sinks(shards, wanted):
    rows = StoredRows(shards, "block-1", 10.0, d=4)
    assert rows.shape == (len(KEPT), 4)
    assert len(rows) == len(KEPT)
    found = rows[torch.tensor(wanted, dtype=torch.int64)]
    assert found.dtype == torch.float32
    assert found[:, 3].tolist() == [KEPT[place] for place in wanted]


def test_a_shard_that_ends_in_the_middle(shards, tmp_path):
    whole = shards[2].read_bytes()
    rows = StoredRows([shards[2]], "block-1", 10.0, d=4)
    path = tmp_path / shard_name(0)
    path.write_bytes(whole[: len(whole) // 2])
    rows._paths = [path]
    with pytest.raises(CorruptArtifactError) as error:
        rows[torch.arange(3)]
    assert str(error.value).startswith(f"{path} cannot be read (")
    assert str(error.value).endswith(
        f"; delete {tmp_path / 'manifest.json'} and rerun the activations stage: only damaged shards are made again"
    )
