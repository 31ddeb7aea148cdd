"""Do matched features have exemplars of like meaning? Measure E of protocol 3.2, by an embedder that is neither model.

A feature's *profile* on one half of the articles is the mean embedding of its 50 strongest passages there, weighted
with its activity, less the mean embedding of the corpus: what all texts have in common is no meaning. A feature's
profile on one half is held against its partner's on the *other* half, both ways round: features that share passages
would be alike for that alone, and E would say what weighted Jaccard says already. No partner is chosen by it.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Activity
from samedream.comparison.blocks import Blocks
from samedream.comparison.nulls import strata, stratum_edges
from samedream.comparison.similarity import strongest_shares

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Index = NDArray[np.int64]
Profiles: TypeAlias = tuple[Floats32, Floats32]
"""What each eligible feature's strongest passages mean, on each half, of length 1, ``[eligible features, e]``."""


def profiles(activity: Activity, blocks: Blocks, embedding: Floats32) -> Profiles:
    """What the features' strongest passages mean; zeros where a feature does not fire in a half.

    Args:
        activity: One side.
        blocks: The halves.
        embedding: Each passage as a neutral embedder sees it, float32 ``[passages, e]``.
    """
    centre = embedding.mean(axis=0, dtype=np.float64).astype(np.float32)
    first, second = (profile(activity, half.rows, embedding, centre=centre) for half in blocks.halves)
    return first, second


def profile(activity: Activity, rows: Index, embedding: Floats32, *, centre: Floats32) -> Floats32:
    """What the eligible features' strongest passages among some rows mean, float32 ``[eligible features, e]``."""
    shares = strongest_shares(activity.raw[rows], activity.eligible)
    shares.eliminate_zeros()
    place = (shares.data.astype(np.float32), rows[shares.indices], shares.indptr)  # no copy of the half's embedding
    weights = sparse.csc_array(place, shape=(activity.passages, activity.eligible.size))
    mean = weights.T @ embedding - np.outer(np.asarray(weights.sum(axis=0)), centre)
    unit: Floats32 = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.float32(1e-6))
    return unit


@dataclass(frozen=True)
class Alike:
    """Cosines of profiles on different halves, each the mean of both ways round, float64 ``[features]``.

    Attributes:
        partner: Of each feature and its partner.
        random: Of each feature and one of its partner's stratum of firing rate, the mean over all but the partner.
        own: Of each feature and itself: what its own exemplars have in common.
    """

    partner: Floats
    random: Floats
    own: Floats


def alike(here: Profiles, there: Profiles, partner: Index, *, support: Index) -> Alike:
    """How alike features and their partners are in meaning, and what any partner that fires as often would give.

    Args:
        here: The features' profiles.
        there: The other side's.
        partner: Of each feature.
        support: Passages kept of each feature of the other side: sets its stratum.
    """
    stratum = strata(support, stratum_edges(support))
    count, of_partner = np.bincount(stratum), stratum[partner]
    members = sparse.csr_array((np.ones(stratum.size), (stratum, np.arange(stratum.size))))
    ways = [(here[0], there[1]), (here[1], there[0])]
    found = sum(_cosine(mine, other[partner]) for mine, other in ways) / 2
    of_stratum = sum(_cosine(mine, (members @ other)[of_partner]) for mine, other in ways) / 2
    return Alike(
        partner=np.asarray(found),
        random=np.asarray((of_stratum - found) / np.maximum(count[of_partner] - 1, 1)),
        own=_cosine(*here),
    )


def _cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    dots: Floats = np.einsum("fe,fe->f", one, other, dtype=np.float64)
    return dots
