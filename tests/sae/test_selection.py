"""Which activations are kept, by hand and against sorting everything."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from samedream.sae.selection import largest_overall, largest_per_row

PRE = torch.tensor([[5.0, 1.0, 4.0, -2.0], [0.5, 3.0, 0.2, 0.1], [-1.0, -1.0, -1.0, 2.0]])


def test_batchtopk_lets_rows_share_their_places():
    # 3 rows * k=1: the three largest of all are 5 (row 0), 4 (row 0), 3 (row 1); row 2 gets none
    assert largest_overall(PRE, 3).tolist() == [0, 2, 5]


def test_topk_gives_every_row_k_and_drops_what_is_not_positive():
    # row 0: 5, 4; row 1: 0.5, 3; row 2: 2 alone, its second largest is -1
    assert largest_per_row(PRE, 2).tolist() == [0, 2, 4, 5, 11]


def test_ties_go_to_the_lowest_position():
    ties = torch.tensor([[1.0, 2.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]])
    assert largest_overall(ties, 3).tolist() == [0, 1, 2]
    assert largest_per_row(ties, 2).tolist() == [0, 1, 4, 5]


def test_a_sample_that_misleads_costs_time_not_exactness():
    # every 16th row is huge, so the bound from the sample is far above what has to be kept
    pre = torch.rand(64, 10, generator=torch.Generator().manual_seed(0))
    pre[::16] += 100
    assert largest_overall(pre, 200).tolist() == naive_overall(pre.numpy(), 200)


def naive_overall(values, count):
    flat = values.reshape(-1)
    order = sorted(range(flat.size), key=lambda i: (-flat[i], i))[:count]
    return sorted(i for i in order if flat[i] > 0)


small = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.floats(-3, 3, width=16)
)  # few distinct values: many ties


@settings(deadline=None)
@given(small, st.integers(1, 60))
def test_overall_equals_sorting(values, count):
    assert largest_overall(torch.from_numpy(values), count).tolist() == naive_overall(values, count)


@settings(deadline=None)
@given(small, st.integers(1, 25))
def test_per_row_equals_sorting(values, k):
    width = values.shape[1]
    slow = [n * width + i for n, row in enumerate(values) for i in naive_overall(row[None], k)]
    assert largest_per_row(torch.from_numpy(values), k).tolist() == slow
