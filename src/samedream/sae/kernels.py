"""Sparse sums: with k of F features active per row, decoding and all gradients touch only what is active.

A set of active features is kept as compressed rows (CSR). Sums over a row's features (decoding) and over a feature's
rows (weight gradients) are both weighted sums of rows of a small dense matrix, which `embedding_bag` does in one pass,
each output row by one thread: no scatter, and the same bits in every run. Where much is active (plain L1 begins with
half of all features), dense products are faster and take their place.
"""

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from torch.nn.functional import embedding_bag

DENSE = 1 / 6  # share of active features from which dense products are faster: measured .2 (F 2,560), .14 (F 10,240)


@dataclass(frozen=True, slots=True)
class ActiveSet:
    """The active features of a batch, row after row, features ascending within a row.

    Attributes:
        starts: Where each row begins, int32 [rows + 1].
        features: Active features, int32 [active].
        values: Their activations (> 0), float32 [active].
        width: Number of features in the dictionary.
    """

    starts: torch.Tensor
    features: torch.Tensor
    values: torch.Tensor
    width: int

    @property
    def crowded(self) -> bool:
        """Whether so much is active that dense products are faster."""
        return len(self.features) > DENSE * (len(self.starts) - 1) * self.width

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """One value per entry, float32 [active], as a dense matrix, float32 [rows, width]."""
        shape = (len(self.starts) - 1, self.width)
        found: npt.NDArray[np.float32] = csr_array(
            (values.numpy(), self.features.numpy(), self.starts.numpy()), shape=shape
        ).toarray()
        return torch.from_numpy(found)

    def rows(self) -> torch.Tensor:
        """The row of each entry, int64 [active]."""
        return torch.arange(len(self.starts) - 1).repeat_interleave(self.starts.diff())


@dataclass(frozen=True, slots=True)
class Slice:
    """The active set of some neighbouring features.

    Attributes:
        active: Features counted from the slice's first one.
        columns: The slice's features.
        entries: Which entries of the whole set these are, int64 [active], or all of them.
    """

    active: ActiveSet
    columns: slice
    entries: torch.Tensor | slice


@dataclass(frozen=True, slots=True)
class FeatureMajor:
    """The same active set sorted by feature.

    Attributes:
        order: Position in the row-major set of each entry, int64 [active].
        rows: Row of each entry, int32 [active].
        starts: Where each feature begins, int32 [width + 1].
    """

    order: torch.Tensor
    rows: torch.Tensor
    starts: torch.Tensor


def active_set(pre: torch.Tensor, chosen: npt.NDArray[np.int64]) -> ActiveSet:
    """Build an active set from chosen positions.

    Args:
        pre: Pre-activations, float32 [rows, width], contiguous.
        chosen: Ascending positions in the flattened `pre`, int64; their values are the activations.
    """
    rows, width = pre.shape
    features = (chosen % width).astype(np.int32)
    starts = np.searchsorted(chosen, np.arange(rows + 1, dtype=np.int64) * width).astype(np.int32)
    values = pre.numpy().reshape(-1)[chosen]
    return ActiveSet(torch.from_numpy(starts), torch.from_numpy(features), torch.from_numpy(values), width)


def slices(active: ActiveSet, ends: tuple[int, ...]) -> list[Slice]:
    """Cut an active set into neighbouring features.

    Args:
        active: Of the whole dictionary.
        ends: Where each slice ends, ascending; the last one is the width.
    """
    if len(ends) == 1:
        return [Slice(active, slice(0, ends[0]), slice(None))]
    found, rows = [], active.rows()
    for first, end in zip((0, *ends), ends, strict=False):
        entries = ((active.features >= first) & (active.features < end)).nonzero().squeeze(1)
        counts = rows[entries].bincount(minlength=len(active.starts) - 1)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)]).int()
        part = ActiveSet(starts, active.features[entries] - first, active.values[entries], end - first)
        found.append(Slice(part, slice(first, end), entries))
    return found


def decode(active: ActiveSet, decoder: torch.Tensor) -> torch.Tensor:
    """Sum of each row's decoder directions, weighted by activation.

    Args:
        active: Of `rows` rows.
        decoder: float32 [width, d].

    Returns:
        float32 [rows, d], without the bias.
    """
    if active.crowded:
        return active.spread(active.values) @ decoder
    found: torch.Tensor = embedding_bag(
        active.features, decoder, active.starts, mode="sum", per_sample_weights=active.values, include_last_offset=True
    )
    return found


def value_gradients(active: ActiveSet, errors: torch.Tensor, decoder: torch.Tensor) -> torch.Tensor:
    """Product of each row's error with the direction of each of its active features.

    Args:
        active: Of `rows` rows.
        errors: float32 [rows, d].
        decoder: float32 [width, d].

    Returns:
        float32 [active]: d loss / d activation, where `errors` is d loss / d reconstruction.
    """
    if active.crowded:
        return (errors @ decoder.T)[active.rows(), active.features]
    _announce_csr()
    pattern = torch.sparse_csr_tensor(
        active.starts, active.features, active.values, (len(errors), active.width), check_invariants=False
    )
    products: torch.Tensor = torch.sparse.sampled_addmm(pattern, errors, decoder.T, beta=0.0).values()
    return products


def by_feature(active: ActiveSet) -> FeatureMajor:
    """Sort an active set by feature; a counting sort, linear in what is active."""
    position = np.arange(len(active.values), dtype=np.int32)
    shape = (len(active.starts) - 1, active.width)
    columns = csr_array((position, active.features.numpy(), active.starts.numpy()), shape=shape).tocsc()
    return FeatureMajor(
        torch.from_numpy(columns.data.astype(np.int64)),
        torch.from_numpy(columns.indices.astype(np.int32, copy=False)),
        torch.from_numpy(columns.indptr.astype(np.int32, copy=False)),
    )


def feature_sums(active: ActiveSet, *weighted: tuple[torch.Tensor, torch.Tensor]) -> list[torch.Tensor]:
    """For each feature, the weighted sum of the vectors of the rows it is active on.

    Args:
        active: Of `rows` rows.
        weighted: For each sum, one weight per entry, float32 [active], and one vector per row, float32 [rows, d].

    Returns:
        float32 [width, d] for each sum.
    """
    if active.crowded:
        return [active.spread(weights).T @ vectors for weights, vectors in weighted]
    layout = by_feature(active)
    return [
        embedding_bag(
            layout.rows, vectors, layout.starts, mode="sum", per_sample_weights=weights[layout.order],
            include_last_offset=True,
        )
        for weights, vectors in weighted
    ]  # fmt: skip


@functools.cache
def _announce_csr() -> None:
    """Let torch's once-per-process notice that CSR tensors are in beta pass unseen."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)
