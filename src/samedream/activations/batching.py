"""Grouping passages of like length into batches, so that little of a batch is padding."""

from collections.abc import Sequence

import torch


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group items by length, the longest first.

    Args:
        lengths: Tokens of each item; items of length 0 are left out.
        budget: Most tokens in a batch, padding included; a longer item is a batch of its own.

    Returns:
        Indices of the items of each batch.
    """
    order = sorted((index for index, length in enumerate(lengths) if length), key=lambda i: (-lengths[i], i))
    groups: list[list[int]] = []
    for index in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def pad(ids: Sequence[Sequence[int]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-pad token ids.

    Returns:
        Token ids and attention mask, both int64 [items, longest].
    """
    longest = max(len(item) for item in ids)
    tokens = torch.full((len(ids), longest), padding, dtype=torch.int64)
    mask = torch.zeros(len(ids), longest, dtype=torch.int64)
    for row, item in enumerate(ids):
        tokens[row, : len(item)] = torch.tensor(item, dtype=torch.int64)
        mask[row, : len(item)] = 1
    return tokens, mask
