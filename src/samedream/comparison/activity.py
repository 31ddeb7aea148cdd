"""Activity of one dictionary, checked and made comparable: ``u = log1p(a / theta)``, protocol 3.2.

Dividing by the feature's own scale makes the result blind to gain: a rescaled dictionary gives the same numbers.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.config import ComparisonConfig
from samedream.errors import ComparisonError

Csr: TypeAlias = Any  # scipy.sparse.csr_array; its stubs' type parameters would say nothing here
THETA_SHARE = 0.2  # theta as a share of the feature's maximum (protocol 3.2)


@dataclass(frozen=True)
class Activity:
    """One side of a comparison.

    Attributes:
        raw: What was given, as CSR ``[passages, all features]``, float32, no stored zeros.
        fired: Passages in which each feature fires, int64 ``[all features]``.
        eligible: The features that fire often enough to be compared, int64 ``[eligible]``; all maths runs on these.
        matrix: ``log1p(a / theta)`` of what was kept, CSR ``[passages, eligible]``, float32.
        support: Passages kept per eligible feature, int64 ``[eligible]``.
        retained: Share of the activity (in units of each feature's maximum) that was kept.
    """

    raw: Csr
    fired: NDArray[np.int64]
    eligible: NDArray[np.int64]
    matrix: Csr
    support: NDArray[np.int64]
    retained: float

    @property
    def passages(self) -> int:
        """How many passages were read."""
        return int(self.raw.shape[0])

    @property
    def features(self) -> int:
        """Width of the dictionary, dead features included."""
        return int(self.raw.shape[1])


def as_csr(given: Any, name: str) -> Csr:
    """Any two-dimensional scipy sparse or numpy matrix as clean CSR float32.

    Args:
        given: Activity ``[passages, features]``.
        name: What to call it in an error.

    Raises:
        ComparisonError: It is not two-dimensional, not of real numbers, or holds NaN, infinite or negative values.
    """
    is_matrix = isinstance(given, np.ndarray) or sparse.issparse(given)
    if not is_matrix or len(given.shape) != 2 or given.dtype.kind not in "biuf":
        raise ComparisonError(
            f"{name}: found {_kind(given)}, expected a scipy sparse matrix [passages, features] of activity"
        )
    matrix: Csr = sparse.csr_array(given, dtype=np.float32)
    if not (matrix.has_canonical_format and matrix.data.all()):
        matrix = matrix.copy()  # what the caller gave stays as it is
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        bad = int((~np.isfinite(matrix.data)).sum())
        raise ComparisonError(f"{name}: {bad} values are NaN or infinite, expected finite activity of at least 0")
    if matrix.nnz and matrix.data.min() < 0:
        raise ComparisonError(
            f"{name}: the smallest value is {matrix.data.min():g}, expected activity of at least 0 "
            f"(feature activations, not pre-activations)"
        )
    return compact(matrix)


def _kind(given: Any) -> str:
    described = type(given).__name__
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        described += f" of {given.dtype} with shape {tuple(given.shape)}"
    return described


def compact(matrix: Csr) -> Csr:
    """Give a CSR or CSC matrix 32-bit places where they fit, in place: scipy keeps 64-bit ones, twice the room."""
    if max(*matrix.shape, matrix.nnz) < 2**31:
        matrix.indices = matrix.indices.astype(np.int32, copy=False)
        matrix.indptr = matrix.indptr.astype(np.int32, copy=False)
    return matrix


def prepare(given: Any, name: str, config: ComparisonConfig) -> Activity:
    """Check one side and make it comparable. It may have no eligible feature: `require_eligible` says so.

    Args:
        given: Activity ``[passages, features]``, at least 0.
        name: What to call it in an error ("left").
        config: keep_per_passage and min_passages are used.

    Raises:
        ComparisonError: Not a matrix of activity of at least 0.
    """
    raw = as_csr(given, name)
    fired = np.bincount(raw.indices, minlength=raw.shape[1]).astype(np.int64)
    eligible = np.flatnonzero(fired >= config.min_passages)
    strength = raw.copy()
    strength.data = strength.data / _column_maximum(raw)[raw.indices]
    keep = _strongest(strength, config)
    total = float(strength.data.sum(dtype=np.float64))
    retained = float(strength.data[keep].sum(dtype=np.float64)) / total if total else 1.0
    strength.data = np.where(keep, np.log1p(strength.data / np.float32(THETA_SHARE)), np.float32(0))
    strength.eliminate_zeros()
    matrix = sparse.csr_array(strength[:, eligible], dtype=np.float32)
    matrix.sort_indices()
    support = np.bincount(matrix.indices, minlength=eligible.size).astype(np.int64)
    return Activity(raw=raw, fired=fired, eligible=eligible, matrix=matrix, support=support, retained=retained)


def require_eligible(activity: Activity, name: str, min_passages: int) -> None:
    """Stop where there is nothing to compare.

    Raises:
        ComparisonError: There are no passages, all features are dead, or none fires in `min_passages` passages.
    """
    if activity.passages == 0:
        raise ComparisonError(f"{name} has no passages, expected the activity of its features on some: cannot tell")
    if activity.raw.nnz == 0:
        raise ComparisonError(
            f"{name}: all {activity.features} features are dead on these {activity.passages} passages: cannot tell "
            f"anything. Train the dictionary again, on more text"
        )
    if activity.eligible.size == 0:
        raise ComparisonError(
            f"{name}: no feature fires in at least {min_passages} passages (the most frequent fires in "
            f"{activity.fired.max()}): cannot tell anything. Use more passages, or a smaller min_passages"
        )


def fires(activity: Csr) -> NDArray[np.bool_]:
    """Whether each stored value of a CSR matrix is above 20 % of its column's maximum, bool ``[stored values]``."""
    most = _column_maximum(activity).astype(np.float64)
    above: NDArray[np.bool_] = activity.data > THETA_SHARE * most[activity.indices]
    return above


def _column_maximum(matrix: Csr) -> NDArray[np.float32]:
    maximum: NDArray[np.float32] = np.zeros(matrix.shape[1], dtype=matrix.data.dtype)
    np.maximum.at(maximum, matrix.indices, matrix.data)
    return maximum


def _strongest(strength: Csr, config: ComparisonConfig) -> NDArray[np.bool_]:
    """Mask over the stored values: the strongest of each passage, and the strongest of each feature.

    Passage-level activity is dense (a 50-token passage lights a third of a dictionary) and its weak part is noise. But
    cutting by passage alone would leave a feature that is often the 65th with nothing: so every feature keeps its own
    ``2 min_passages`` strongest passages too, and cutting never makes a feature too rare. Only marginals of this one
    side are used, so nothing leaks from the other side.
    """
    per_passage = np.diff(strength.indptr)
    if config.keep_per_passage is None or per_passage.max(initial=0) <= config.keep_per_passage:
        return np.ones(strength.nnz, dtype=np.bool_)
    row = np.repeat(np.arange(strength.shape[0]), per_passage)
    by_passage = _rank_within(row, strength.data) < config.keep_per_passage
    by_feature = _rank_within(strength.indices, strength.data) < 2 * config.min_passages
    keep: NDArray[np.bool_] = by_passage | by_feature
    return keep


def _rank_within(member: NDArray[Any], value: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank (0 = largest; ties by position) of each value among those with the same member number."""
    order = np.lexsort((-value, member))
    counts = np.bincount(member)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rank: NDArray[np.int64] = np.empty(member.size, dtype=np.int64)
    rank[order] = np.arange(member.size) - starts[member[order]]
    return rank
