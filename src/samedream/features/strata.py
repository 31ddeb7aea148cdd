"""Four strata of exemplars: top, middle, weak and near miss, with at most one passage per article in all of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.features.candidates import Best, Candidates
from samedream.features.config import FeaturesConfig
from samedream.features.spill import Spill
from samedream.records import Stratum

STRATA: tuple[Stratum, ...] = ("top", "middle", "weak", "near miss")


@dataclass(frozen=True)
class Chosen:
    """Exemplars in the order of the table: by feature, then stratum, then rank.

    Attributes:
        rank: Rank within the feature, over all strata, int32 [n].
        stratum: Index into `STRATA`, int64 [n].
        candidates: The exemplars.
    """

    rank: NDArray[np.int32]
    stratum: NDArray[np.int64]
    candidates: Candidates


def passage_keys(passage_ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """Keyed hash of each passage's id: the sample depends on the passages, never on their order, uint64 [passages]."""
    key = seed.to_bytes(8, "little")
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8, key=key).digest() for name in passage_ids)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def draw(keys: NDArray[np.uint64], feature: NDArray[np.int32]) -> NDArray[np.float64]:
    """A number in [0, 1) for each (passage key, feature): SplitMix64's finaliser (Steele et al. 2014, OOPSLA)."""
    mixed = keys + (feature.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    drawn: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return drawn


def sample_bands(
    spill: Spill,
    maximum: NDArray[np.float32],
    article: NDArray[np.int64],
    *,
    keys: NDArray[np.uint64],
    config: FeaturesConfig,
) -> tuple[Candidates, Candidates]:
    """Sample passages whose activation lies in the middle and in the weak band of the feature's maximum.

    Args:
        spill: The corpus' firings.
        maximum: Highest activation of each feature, float32 [features].
        article: Index of each passage's article, int64 [passages].
        keys: `passage_keys`.
        config: Bands and sizes.

    Returns:
        Candidates for middle and weak, enough to lose as many articles as the other strata can take away.
    """
    middle = Best(len(maximum), config.exemplars if config.middle else 0)
    weak = Best(len(maximum), config.exemplars if config.weak else 0)
    bounds = spill.bounds
    for passages in spill.passage_chunks():
        first, last = bounds[passages[0]], bounds[passages[-1] + 1]
        feature = np.asarray(spill.column("feature")[first:last])
        passage = np.repeat(passages, bounds[passages + 1] - bounds[passages])
        share = spill.column("value")[first:last] / maximum[feature].astype(np.float64)
        score = draw(keys[passage], feature)
        every = Candidates(feature, passage, article[passage], score, np.arange(first, last))
        for best, (low, high) in ((middle, config.middle_band), (weak, config.weak_band)):
            best.add(every.at((share >= low) & (share < high)))
    return middle.ranked(), weak.ranked()


def choose(ranked: Sequence[Candidates], sizes: Sequence[int], features: int) -> Chosen:
    """Fill the strata in order, skipping articles that an earlier stratum of the same feature has taken.

    Args:
        ranked: Candidates of each stratum, sorted by feature, then from best to worst.
        sizes: Exemplars each stratum keeps.
        features: Width of the dictionary. A feature without any candidate in the first stratum is dead and has none.
    """
    bounds = [np.searchsorted(pool.feature, np.arange(features + 1)) for pool in ranked]
    picked: list[tuple[int, int, int]] = []
    for feature in range(features):
        if bounds[0][feature] == bounds[0][feature + 1]:
            continue
        taken: set[int] = set()
        rank = 0
        for stratum, pool in enumerate(ranked):
            left = sizes[stratum]
            for index in range(bounds[stratum][feature], bounds[stratum][feature + 1]):
                if not left:
                    break
                if (article := int(pool.article[index])) in taken:
                    continue
                taken.add(article)
                picked.append((rank, stratum, index))
                rank, left = rank + 1, left - 1
    return _gather(ranked, np.array(picked, np.int64).reshape(-1, 3))


def _gather(ranked: Sequence[Candidates], picked: NDArray[np.int64]) -> Chosen:
    stratum = picked[:, 1]
    offsets = np.cumsum([0, *(len(pool) for pool in ranked)])
    index = picked[:, 2] + offsets[stratum]
    everyone = Candidates(
        np.concatenate([pool.feature for pool in ranked]),
        np.concatenate([pool.passage for pool in ranked]),
        np.concatenate([pool.article for pool in ranked]),
        np.concatenate([pool.score for pool in ranked]),
        np.concatenate([pool.payload for pool in ranked]),
    )
    return Chosen(picked[:, 0].astype(np.int32), stratum, everyone.at(index))
