"""How often, how strongly and where in the corpus each feature fires."""

import numpy as np
from numpy.typing import NDArray

from samedream.features.encoding import Firings
from samedream.features.spill import Spill

BINS = 20


class Totals:
    """Running totals per feature, all [features].

    Attributes:
        passages: Passages on which the feature fires, int64.
        tokens: Tokens on which it fires, int64.
        total: Sum of its activations, float64.
        maximum: Highest activation, float32.
        rows: Tokens read in all.
        passages_read: Passages with at least one token.
    """

    def __init__(self, features: int) -> None:
        """Start at zero."""
        self.passages = np.zeros(features, np.int64)
        self.tokens = np.zeros(features, np.int64)
        self.total = np.zeros(features, np.float64)
        self.maximum = np.zeros(features, np.float32)
        self.rows = 0
        self.passages_read = 0

    def add(self, fired: Firings, passage: NDArray[np.int64]) -> None:
        """Count a block; `passage` is the passage of each of its tokens, ascending, int64 [rows]."""
        width = len(self.passages)
        of_firing = np.repeat(fired.feature, np.diff(fired.first))
        self.passages += np.bincount(fired.feature, minlength=width)
        self.tokens += np.bincount(of_firing, minlength=width)
        self.total += np.bincount(of_firing, weights=fired.activation, minlength=width)
        np.maximum.at(self.maximum, fired.feature, fired.value)
        self.rows += len(passage)
        self.passages_read += len(np.unique(passage))

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean activation over the tokens on which the feature fires, 0 where it never does, float32."""
        return (self.total / np.maximum(self.tokens, 1)).astype(np.float32)


def histograms(spill: Spill, maximum: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count each feature's firings in 20 equal bins of (0, maximum]; bin i is (i/20, (i+1)/20] of the maximum.

    Args:
        spill: The corpus' firings.
        maximum: Highest activation of each feature, float32 [features].

    Returns:
        int64 [features, 20]; a row sums to the tokens on which the feature fires.
    """
    counts = np.zeros(len(maximum) * BINS, np.int64)
    bounds = spill.bounds
    for passages in spill.passage_chunks():
        first, last = bounds[passages[0]], bounds[passages[-1] + 1]
        if first == last:
            continue
        begins, ends = spill.firing_bounds(np.arange(first, last))
        feature = np.repeat(spill.column("feature")[first:last], ends - begins).astype(np.int64)
        share = spill.column("activation")[begins[0] : ends[-1]] / maximum[feature].astype(np.float64)
        bins = np.clip(np.ceil(share * BINS) - 1, 0, BINS - 1).astype(np.int64)
        counts += np.bincount(feature * BINS + bins, minlength=len(counts))
    return counts.reshape(-1, BINS)


def articles_per_feature(spill: Spill, article: NDArray[np.int64], features: int) -> NDArray[np.int64]:
    """Distinct articles in which each feature fires, int64 [features].

    Passages are read article by article, so that what must be remembered is one article's features.

    Args:
        spill: The corpus' firings.
        article: Index of each passage's article, int64 [passages].
        features: Width of the dictionary.
    """
    counts = np.zeros(features, np.int64)
    bounds = spill.bounds
    open_article, seen = -1, np.zeros(features, bool)
    for passages in spill.passage_chunks(np.argsort(article, kind="stable")):
        length = bounds[passages + 1] - bounds[passages]
        pair = np.repeat(article[passages], length) * features
        pair += spill.column("feature")[concatenated_ranges(bounds[passages], length)]
        pair = np.unique(pair)
        pair = pair[~((pair // features == open_article) & seen[pair % features])]
        counts += np.bincount(pair % features, minlength=features)
        if (latest := int(article[passages[-1]])) != open_article:
            open_article, seen = latest, np.zeros(features, bool)
        seen[pair[pair // features == open_article] % features] = True
    return counts


def concatenated_ranges(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the ranges `begins[i]` … `begins[i] + lengths[i]`, int64 [sum of lengths]."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(begins - before, lengths) + np.arange(int(lengths.sum()))
