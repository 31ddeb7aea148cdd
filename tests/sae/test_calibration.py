"""The JumpReLU threshold."""

import pytest
import torch

from samedream.sae.calibration import calibrate_threshold


def test_threshold_by_hand():
    # 2 rows, k=1: two values stay, 5 and 4; the first left out is 3; half-way between 4 and 3
    assert calibrate_threshold([torch.tensor([[5.0, 1.0, 3.0], [4.0, -2.0, 0.5]])], rows=2, k=1) == 3.5


def test_few_positive_values_give_no_threshold():
    assert calibrate_threshold([torch.tensor([[5.0, -1.0], [-4.0, -2.0]])], rows=2, k=1) == 0.0


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_mean_l0_is_k_in_any_chunks(piece):
    pre = torch.randn(100, 30, generator=torch.Generator().manual_seed(1))
    pre[50:] *= 3  # rows differ in how much they need
    threshold = calibrate_threshold(pre.split(piece), rows=100, k=4)
    assert int((pre > threshold).sum()) == 400
