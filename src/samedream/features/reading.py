"""The streaming pass: a block of passages is encoded, its firings spilled, its candidates offered, and forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream import progress
from samedream.features.blocks import Block, Rows, whole_passages
from samedream.features.candidates import Best, Candidates
from samedream.features.config import FeaturesConfig
from samedream.features.encoding import Dictionary, Firings, block_rows, encode, firings, near_misses
from samedream.features.exemplars import packed_span
from samedream.features.spill import Spill
from samedream.features.states import StateMeans
from samedream.features.statistics import Totals


@dataclass(frozen=True)
class Reading:
    """What one pass over a model's shards leaves in memory.

    Attributes:
        totals: Running totals per feature.
        top: Candidates for the strongest passages; the payload is the entry's position in the spill.
        near: Candidates for near misses; the payload is the packed span of the token that comes closest.
    """

    totals: Totals
    top: Best
    near: Best


def read(
    shards: Iterable[Rows],
    dictionary: Dictionary,
    spill: Spill,
    *,
    states: StateMeans,
    features: int,
    article: NDArray[np.int64],
    config: FeaturesConfig,
    rows: int,
) -> Reading:
    """Read all shards once.

    Args:
        shards: The model's shards, passages in corpus order.
        dictionary: The sparse autoencoder.
        spill: Where the firings go.
        states: Where the passages' mean hidden states go.
        features: Width of the dictionary.
        article: Index of each passage's article, int64 [passages].
        config: Sizes of the strata.
        rows: Rows in all shards, for the progress display.
    """
    # every other exemplar of the feature can take one article away, so this many candidates always suffice
    top = Best(features, config.exemplars)
    near = Best(features, config.exemplars if config.near_miss else 0)
    reading = Reading(Totals(features), top, near)
    with progress.step("finding what excites each feature", rows, "tokens") as shown:
        for block in whole_passages(shards, block_rows(features)):
            _take(block, dictionary, spill, reading=reading, article=article)
            states.add(block)
            shown.advance(len(block.passage))
    states.close()
    return reading


def _take(block: Block, dictionary: Dictionary, spill: Spill, *, reading: Reading, article: NDArray[np.int64]) -> None:
    activations, pre = encode(block, dictionary)
    fired = firings(activations, block.passage)
    reading.totals.add(fired, block.passage)
    position = spill.append(block, fired)
    reading.top.add(_as_candidates(fired, position, article))
    missed = near_misses(pre, block.passage, fired=fired, floor=reading.near.floor)
    reading.near.add(
        Candidates(
            missed.feature,
            missed.passage,
            article[missed.passage],
            missed.score.astype(np.float64),
            packed_span(block.start[missed.row], block.end[missed.row]),
        )
    )


def _as_candidates(fired: Firings, position: int, article: NDArray[np.int64]) -> Candidates:
    payload = position + np.arange(len(fired.passage))
    return Candidates(fired.feature, fired.passage, article[fired.passage], fired.value.astype(np.float64), payload)
