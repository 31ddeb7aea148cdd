"""One side of a pair as a Gram matrix of its passages: all the dense measures need, whatever the width.

A Gram matrix does not change when the space is rotated, and a dictionary's sparse activity has one that is no larger
than that of its hidden states. Leading principal components come from it too (kernel PCA with the linear kernel,
Schölkopf et al. 1998), fitted on one half of the articles and applied to the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import linalg

from samedream.comparison.activity import Csr
from samedream.comparison.blocks import Blocks
from samedream.comparison.products import sums

COMPONENTS = 50  # at most; and no more than a tenth of the passages they are fitted on
_PASSAGES_PER_COMPONENT = 10
_SMALLEST = 1e-5  # of the largest eigenvalue; float32 products hold nothing below
_TOLERANCE = 1e-5  # of an eigenvalue

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Leading principal components fitted on one half and applied to the other, centred on the first half's mean.

    Attributes:
        train: Of the half they are fitted on, float64 ``[passages, components]``; the columns are orthogonal.
        test: Of the other half.
        kept: Share of the first half's variance that they hold.
    """

    train: Floats
    test: Floats
    kept: float


@dataclass(frozen=True)
class Gram:
    """Centred Gram matrix ``K_ij = norm_i norm_j cosine_ij`` of one side.

    Attributes:
        cosine: Cosine of each two passages' centred vectors, float32 ``[passages, passages]``, 0 on the diagonal: no
            measure compares a passage with itself.
        norm: Length of each passage's centred vector, float64 ``[passages]``.
        folds: Components fitted on half 1 (and applied to half 2), and on half 2.
    """

    cosine: Floats32
    norm: Floats
    folds: tuple[Components, Components]


def of_states(states: Floats32, blocks: Blocks) -> Gram | None:
    """Gram matrix of hidden states, ``[passages, d]``; None where a half of them does not vary."""
    centred = (states - states.mean(axis=0, dtype=np.float64)).astype(np.float32)
    return _finished(centred @ centred.T, blocks)


def of_activity(matrix: Csr, blocks: Blocks) -> Gram | None:
    """Gram matrix of sparse activity, CSR float32 ``[passages, features]``; None where a half of it does not vary."""
    by_feature = matrix.T.tocsr()
    by_feature.sort_indices()
    gram = sums(matrix.T, by_feature)
    mean = gram.mean(axis=0, dtype=np.float64)
    gram -= (mean[:, None] + mean - mean.mean()).astype(np.float32)
    return _finished(gram, blocks)


def _finished(gram: Floats32, blocks: Blocks) -> Gram | None:
    norm = np.sqrt(np.maximum(gram.diagonal().astype(np.float64), 0))
    folds = _components(gram, blocks, tested=1), _components(gram, blocks, tested=0)
    if folds[0] is None or folds[1] is None:
        return None
    scale = (1 / np.where(norm > 0, norm, 1)).astype(np.float32)
    gram *= scale[:, None]
    gram *= scale
    np.fill_diagonal(gram, 0)
    return Gram(cosine=gram, norm=norm, folds=(folds[0], folds[1]))


def _components(gram: Floats32, blocks: Blocks, *, tested: int) -> Components | None:
    train, test = blocks.halves[1 - tested].rows, blocks.halves[tested].rows
    within = gram[np.ix_(train, train)].astype(np.float64)
    mean, whole = within.mean(axis=0), within.mean()
    within += whole - mean[:, None] - mean
    across = gram[np.ix_(test, train)].astype(np.float64)
    across += whole - across.mean(axis=1)[:, None] - mean
    total = float(np.trace(within))
    if total <= 0:
        return None
    count = max(1, min(COMPONENTS, train.size // _PASSAGES_PER_COMPONENT))
    start = np.random.default_rng(0).normal(size=train.size).astype(np.float32)
    pairs = linalg.eigsh(within.astype(np.float32), k=count, v0=start, tol=_TOLERANCE)  # a quarter of float64's time
    value, vector = pairs[0][::-1].astype(np.float64), pairs[1][:, ::-1].astype(np.float64)
    real = value > _SMALLEST * value[0]
    value, vector = value[real], vector[:, real]
    return Components(
        train=vector * np.sqrt(value), test=across @ vector / np.sqrt(value), kept=float(value.sum()) / total
    )
