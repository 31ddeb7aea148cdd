import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samedream.errors import CorruptArtifactError
from samedream.features.blocks import Block, whole_passages


def block(passage):
    passage = np.array(passage, np.int64)
    n = len(passage)
    return Block(
        torch.arange(n, dtype=torch.float32)[:, None],
        passage,
        np.arange(n, dtype=np.int32),
        np.arange(n, dtype=np.int32) + 1,
    )


def shards(passage, cuts):
    whole = block(passage)
    edges = [0, *sorted(cuts), len(passage)]
    return [whole.part(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def test_blocks_end_at_passage_boundaries():
    # 5 rows fit: passages 0 and 1 (2 + 2 rows) go together, a third would make 7; passage 3 has 7 rows: alone
    rows = [0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4]
    found = [b.passage.tolist() for b in whole_passages(shards(rows, []), 5)]
    assert found == [[0, 0, 1, 1], [2, 2, 2], [3] * 7, [4]]


@given(st.lists(st.integers(0, 12), max_size=60), st.lists(st.integers(0, 60), max_size=8), st.integers(1, 20))
def test_same_blocks_whatever_the_shards(passages, cuts, rows):
    passages = sorted(passages)
    whole = list(whole_passages(shards(passages, []), rows))
    cut = list(whole_passages(shards(passages, [min(c, len(passages)) for c in cuts]), rows))
    assert [b.passage.tolist() for b in whole] == [b.passage.tolist() for b in cut]
    assert [b.start.tolist() for b in whole] == [b.start.tolist() for b in cut]
    assert [p for b in whole for p in b.passage] == passages
    assert [int(v) for b in cut for v in b.vectors[:, 0]] == list(range(len(passages)))
    for b in whole:
        assert len(b.passage) <= rows or len(set(b.passage)) == 1


def test_passages_out_of_order_are_refused():
    parts = [block([0, 2]), block([1])]
    with pytest.raises(CorruptArtifactError) as error:
        list(whole_passages(parts, 10))
    assert str(error.value) == (
        "the shards do not hold their passages in corpus order; delete the activations directory and rerun "
        '"samedream activations DIR"'
    )


def test_nan_is_refused():
    bad = block([0, 0, 1])
    bad.vectors[1] = float("nan")
    with pytest.raises(CorruptArtifactError, match="^1 of 3 vectors of a shard hold NaN or infinity; delete"):
        list(whole_passages([bad], 10))
