"""The stage's two tables, from what the pass over the shards left."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samedream.features.config import FeaturesConfig
from samedream.features.exemplars import exemplar_table
from samedream.features.reading import Reading
from samedream.features.spill import Spill
from samedream.features.statistics import articles_per_feature, histograms
from samedream.features.strata import choose, passage_keys, sample_bands


def feature_table(reading: Reading, spill: Spill, article: NDArray[np.int64]) -> pa.Table:
    """Build features.parquet: one row per feature, dead ones too.

    Args:
        reading: What the pass over the shards found.
        spill: The corpus' firings.
        article: Index of each passage's article, int64 [passages].
    """
    totals = reading.totals
    width = len(totals.passages)
    histogram = histograms(spill, totals.maximum)
    return pa.table(
        {
            "feature": np.arange(width, dtype=np.int32),
            "passages": totals.passages,
            "articles": articles_per_feature(spill, article, width),
            "firing_rate": totals.passages / len(article),
            "token_density": totals.tokens / totals.rows,
            "mean": totals.mean,
            "max": totals.maximum,
            "dead": totals.passages == 0,
            "histogram": pa.array(histogram.tolist(), pa.list_(pa.int64())),
        }
    )


def exemplars(
    reading: Reading, spill: Spill, passage_ids: Sequence[str], *, article: NDArray[np.int64], config: FeaturesConfig
) -> pa.Table:
    """Choose the exemplars of every feature that fires and build exemplars.parquet.

    Args:
        reading: What the pass over the shards found.
        spill: The corpus' firings.
        passage_ids: Ids in corpus order.
        article: Index of each passage's article, int64 [passages].
        config: Sizes and bands of the strata.
    """
    maximum = reading.totals.maximum
    keys = passage_keys(passage_ids, config.seed)
    middle, weak = sample_bands(spill, maximum, article, keys=keys, config=config)
    ranked = [reading.top.ranked(), middle, weak, reading.near.ranked()]
    chosen = choose(ranked, (config.top, config.middle, config.weak, config.near_miss), len(maximum))
    return exemplar_table(chosen, spill, passage_ids)
