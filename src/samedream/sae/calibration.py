"""The JumpReLU threshold that stands for BatchTopK when rows come one at a time."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch


def calibrate_threshold(pre_activations: Iterable[torch.Tensor], rows: int, k: int) -> float:
    """The threshold above which the mean number of features per row is k, exactly (up to ties), on the rows given.

    That is a quantile of all pre-activations, found in one pass that holds the rows * k + 1 largest and one chunk.
    BatchTopK's authors average the batches' smallest chosen values (arXiv:2412.06410, section 3); a quantile on
    held-out rows does not depend on the batch size and has no warm-up.

    Args:
        pre_activations: Chunks, float32 [some rows, features].
        rows: How many rows the chunks have together.
        k: Mean number of features per row wanted.

    Returns:
        Half-way between the last value that is kept and the first that is not; 0 where no more than k values per row
        are positive.
    """
    wanted = rows * k + 1
    pool: npt.NDArray[np.float32] = np.empty(0, np.float32)
    bound = np.float32(0.0)
    for chunk in pre_activations:
        values = chunk.numpy().reshape(-1)
        pool = np.concatenate([pool, values[values > bound]])
        if len(pool) >= wanted:
            pool = np.partition(pool, len(pool) - wanted)[len(pool) - wanted :]
            bound = pool[0]
    if len(pool) < wanted:
        return 0.0
    first_left_out, last_kept = float(pool[0]), float(pool[1:].min())
    return (first_left_out + last_kept) / 2
