"""How well a number tells a feature's positives from its negatives: the Mann-Whitney AUC, and its bootstrap.

AUC: the chance that a positive has the larger number than a negative, ties counted half (Mann & Whitney 1947; Hanley &
McNeil 1982). Intervals are of the percentile bootstrap (Efron & Tibshirani 1993, ch. 13): every trial is an article of
its own, so trials are resampled, within their group, since each group's size was set and not found; of a group of n,
n - 1 are drawn and weighted up, or intervals of such small groups would be too narrow (Rao & Wu 1988,
doi:10.1080/01621459.1988.10478591). Differences are bootstrapped on the same resamples, and so is each stratum of
positives. Features with trials of the same sizes share arrays and resamples.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.labels.scores.trials import GROUPS, POSITIVE, Trials

DRAWS = 1000
_AT_ONCE = 64  # features bootstrapped at a time
_ENDS = (2.5, 97.5)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Features whose trials have the same number in each group.

    Attributes:
        features: Their indices, int64 [n].
        index: Each one's trials, positives first, by group, int64 [n, sum of sizes].
        sizes: Trials in each group, in the order of `GROUPS`.
    """

    features: NDArray[np.int64]
    index: NDArray[np.int64]
    sizes: tuple[int, ...]

    @property
    def positives(self) -> int:
        """How many positives each has."""
        return sum(self.sizes[:POSITIVE])

    def slots(self, group: int) -> slice:
        """Where a group's members are among the positives, or among the negatives."""
        first = sum(self.sizes[:group]) - (0 if group < POSITIVE else self.positives)
        return slice(first, first + self.sizes[group])


def layouts(trials: Trials, least: int) -> list[Layout]:
    """All features with at least `least` positives and `least` negatives, by the sizes of their groups."""
    if not len(trials):
        return []
    width = int(trials.feature.max()) + 1
    counts = np.zeros((width, len(GROUPS)), np.int64)
    np.add.at(counts, (trials.feature, trials.group), 1)
    first = np.concatenate(([0], np.cumsum(counts.sum(axis=1))))[:-1]
    enough = (counts[:, :POSITIVE].sum(axis=1) >= least) & (counts[:, POSITIVE:].sum(axis=1) >= least)
    features = np.flatnonzero(enough)
    kinds, member = np.unique(counts[features], axis=0, return_inverse=True)
    found = []
    for number, sizes in enumerate(kinds):
        mine = features[member.ravel() == number]
        index = first[mine][:, None] + np.arange(sizes.sum())
        found.append(Layout(mine, index, tuple(int(size) for size in sizes)))
    return found


def wins(values: Floats, layout: Layout) -> NDArray[np.float32]:
    """1 where a positive has the larger number than a negative, 1/2 where the same, float32 [n, positives, negatives].

    Args:
        values: The number of each trial, float64 [trials].
        layout: The features wanted.
    """
    mine = values[layout.index]
    positive, negative = mine[:, : layout.positives, None], mine[:, None, layout.positives :]
    won: NDArray[np.float32] = (positive > negative).astype(np.float32)
    won += 0.5 * (positive == negative)
    return won


def resampled(won: NDArray[np.float32], layout: Layout, seed: int) -> tuple[Floats, Floats]:
    """Ends of the 95 % interval of the mean of `won`, each [n].

    Args:
        won: `wins`, or a difference of such, float32 [n, positives, negatives].
        layout: Whose they are.
        seed: The same seed gives the same resamples to features of the same sizes.
    """
    drawn = _drawn(won, layout, seed)
    low, high = np.concatenate([np.zeros((2, 0)), *(_ends(np.sum(strata, axis=0)) for strata in drawn)], axis=1)
    return low, high


def resampled_strata(won: NDArray[np.float32], layout: Layout, seed: int) -> tuple[Floats, Floats]:
    """What `resampled` gives, and the same for each stratum of positives against all negatives, on the same resamples.

    Args:
        won: As for `resampled`.
        layout: Whose they are.
        seed: As for `resampled`.

    Returns:
        Lower and upper ends, each [n, 1 + strata], all positives first; NaN for a stratum without positives.
    """
    share = np.array(layout.sizes[:POSITIVE], float) / layout.positives
    ends = [np.zeros((2, 0, 1 + POSITIVE))]
    for strata in _drawn(won, layout, seed):
        nothing = np.full((2, len(strata[0])), np.nan)
        alone = [_ends(part / of) if of else nothing for part, of in zip(strata, share, strict=True)]
        ends.append(np.stack([_ends(np.sum(strata, axis=0)), *alone], axis=2))
    low, high = np.concatenate(ends, axis=1)
    return low, high


def _drawn(won: NDArray[np.float32], layout: Layout, seed: int) -> Iterator[list[NDArray[np.float32]]]:
    """What each stratum of positives adds to the mean in every resample, [n, draws] each, some features at a time.

    A resample gives every stratum its own share of the weight, so what it adds is its mean times that share.
    """
    positive, negative = _weights(layout.sizes, seed)
    for part in _parts(won):
        half = np.matmul(part, negative.T)  # [n, positives, draws]
        slots = [layout.slots(group) for group in range(POSITIVE)]
        yield [np.einsum("npb,bp->nb", half[:, slot], positive[:, slot]) for slot in slots]


def _ends(drawn: NDArray[np.floating]) -> Floats:
    """Percentiles to six decimals: sums in float32 end at 3e-9 where they should at 0, and a badge asks which."""
    found: Floats = np.percentile(drawn, _ENDS, axis=1).astype(np.float64).round(6)
    return found


def _parts(won: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for first in range(0, len(won), _AT_ONCE):
        yield won[first : first + _AT_ONCE]


def _weights(sizes: tuple[int, ...], seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How often each resample holds each positive and each negative, as shares, float32 [draws, trials]."""
    random = np.random.default_rng(seed)
    drawn = []
    for n in sizes:
        take = max(n - 1, 1)
        drawn.append(random.multinomial(take, np.full(n, 1 / n), DRAWS) * (n / take) if n else np.zeros((DRAWS, 0)))
    sides = np.concatenate(drawn[:POSITIVE], axis=1), np.concatenate(drawn[POSITIVE:], axis=1)
    positive, negative = ((side / side.shape[1]).astype(np.float32) for side in sides)
    return positive, negative
