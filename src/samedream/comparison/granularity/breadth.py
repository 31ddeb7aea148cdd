"""How much of the text one feature covers, each measure by itself, with each group of articles left out (protocol 3.5).

A feature fires where it is above 20 % of its maximum, the rest is left out. So neither the gain of a dictionary nor a
threshold below that changes anything here.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Csr, fires
from samedream.comparison.blocks import Blocks
from samedream.comparison.context import Peaks
from samedream.comparison.granularity.spread import spread
from samedream.errors import ComparisonError

RATE, PASSAGES, ARTICLES = "firing_rate", "effective_passages", "effective_articles"
TOPICS, WORDS, ENTITIES = "effective_topics", "effective_words", "entity_share"
MEASURES = (RATE, PASSAGES, ARTICLES, TOPICS, WORDS, ENTITIES)

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Breadth:
    """The measures of each feature of one dictionary.

    Attributes:
        fired: Passages in which each feature is above 20 % of its maximum, int64 ``[features]``.
        value: Measure → float64 ``[features]``, NaN where a feature has none. ``firing_rate``: share of the passages.
            ``effective_passages``: ``(sum a)^2 / sum a^2``. ``effective_articles``, ``effective_topics``,
            ``effective_words`` (of the peaks): ``exp(H)`` of the activity over them: 1 for one alone, n for n alike.
            ``entity_share``: share of the activity whose peak is in a name. Topics, words and names only if given.
        without: The same with each group of articles left out, ``[groups, features]``, the groups of half 1 first.
        halves: How many groups each half has.
    """

    fired: Index
    value: dict[str, Floats]
    without: dict[str, Floats]
    halves: tuple[int, int]


@dataclass(frozen=True)
class _Firings:
    """Firings by feature and, within it, by group: `bounds` ``[features + 1]``, all else ``[firings]``."""

    bounds: Index
    entry: Index
    passage: Index
    group: Index
    strength: Floats
    feature: Index = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feature", np.repeat(np.arange(self.bounds.size - 1), np.diff(self.bounds)))

    @property
    def by_feature(self) -> tuple[Index, Index, Floats]:
        """Bounds, groups and strengths, as `spread` takes them."""
        return self.bounds, self.group, self.strength


def breadth(activity: Csr, blocks: Blocks, *, topics: Index | None = None, peaks: Peaks | None = None) -> Breadth:
    """Measure each feature.

    Args:
        activity: CSR ``[passages, features]``, at least 0, no stored zeros, sorted.
        blocks: The articles of the passages.
        topics: Number of each passage's topic, -1 for none, int64 ``[passages]``.
        peaks: What stands at the peak of each stored value.

    Raises:
        ComparisonError: `peaks` are not of this activity.
    """
    if peaks is not None and peaks.word.size != activity.nnz:
        raise ComparisonError(
            f"there are {peaks.word.size} peaks for {activity.nnz} stored values of activity: they are not of one "
            f"features stage"
        )
    group, n_groups = blocks.group, sum(blocks.n_groups)
    firings = _firings(activity, group)
    n, total, square = (
        _by_group(firings, weight, n_groups) for weight in (None, firings.strength, firings.strength**2)
    )
    size = np.bincount(group, minlength=n_groups).astype(np.float64)
    found = {RATE: (n.sum(axis=0) / size.sum(), (n.sum(axis=0) - n) / (size.sum() - size)[:, None])}
    found[PASSAGES] = _ratio(total, square, n, square_first=True)
    found[ARTICLES] = spread(firings.by_feature, blocks.code[firings.passage], n_groups)
    if topics is not None:
        found[TOPICS] = spread(firings.by_feature, topics[firings.passage], n_groups)
    if peaks is not None:
        word = peaks.word[firings.entry].astype(np.int64)
        found[WORDS] = spread(firings.by_feature, word, n_groups)
        known = word >= 0
        named = _by_group(firings, firings.strength * (known & peaks.entity[firings.entry]), n_groups)
        of = _by_group(firings, firings.strength * known, n_groups)
        found[ENTITIES] = _ratio(named, of, _by_group(firings, known.astype(np.float64), n_groups))
    return Breadth(
        fired=n.sum(axis=0).astype(np.int64),
        value={key: value for key, (value, _) in found.items()},
        without={key: without for key, (_, without) in found.items()},
        halves=blocks.n_groups,
    )


def _firings(activity: Csr, group: Index) -> _Firings:
    entry = np.where(fires(activity), np.arange(1, activity.nnz + 1), 0)
    numbered = sparse.csr_array((entry, activity.indices, activity.indptr), shape=activity.shape, copy=True)
    numbered.eliminate_zeros()
    order = np.argsort(group, kind="stable")
    columns = sparse.csc_array(numbered[order])
    columns.sort_indices()
    passage, entry = order[columns.indices], columns.data - 1
    strength = activity.data[entry].astype(np.float64)
    bounds = columns.indptr.astype(np.int64)
    return _Firings(bounds=bounds, entry=entry, passage=passage, group=group[passage], strength=strength)


def _by_group(found: _Firings, weight: Floats | None, n_groups: int) -> Floats:
    """Sums of `weight` (None: of ones) of each group and feature, ``[groups, features]``."""
    features = found.bounds.size - 1
    summed = np.bincount(found.group * features + found.feature, weights=weight, minlength=n_groups * features)
    return summed.reshape(n_groups, features).astype(np.float64)


def _ratio(above: Floats, below: Floats, n: Floats, *, square_first: bool = False) -> tuple[Floats, Floats]:
    """Of sums by group: above (squared) over below, of all groups and without each; NaN where no firing is left."""
    power = 2 if square_first else 1
    whole, parts = (above.sum(axis=0), below.sum(axis=0)), (above.sum(axis=0) - above, below.sum(axis=0) - below)
    left = n.sum(axis=0) - n > 0
    value = np.where(n.sum(axis=0) > 0, whole[0] ** power / np.where(whole[1] > 0, whole[1], 1.0), np.nan)
    return value, np.where(left, parts[0] ** power / np.where(left, parts[1], 1.0), np.nan)
