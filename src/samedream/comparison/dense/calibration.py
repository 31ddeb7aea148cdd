"""A figure against what shuffled articles give: tau, p and ``(s - tau)+ / (1 - tau)`` (Gröger et al. 2602.14486)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream.comparison.blocks import Blocks
from samedream.comparison.estimates import Sampled
from samedream.comparison.nulls import QUANTILE, calibrated

_DECIMALS = 6  # of a null figure: beyond it float32 products differ between machines

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A figure that is 1 for identical sides, and the same figure on shuffled articles, float64 ``[shuffles]``."""

    figure: Sampled
    null: Floats

    @property
    def finite(self) -> bool:
        """Whether it could be computed, and its interval and null with it."""
        return bool(
            np.isfinite(self.figure.value) and np.isfinite(self.figure.without).all() and np.isfinite(self.null).all()
        )

    @property
    def threshold(self) -> float:
        """tau: the 95 % quantile of the null, at least 0."""
        return max(0.0, float(np.quantile(np.round(self.null, _DECIMALS), QUANTILE, method="higher")))

    @property
    def p_value(self) -> float:
        """``(1 + #{null >= figure}) / (1 + #null)``."""
        reached = int((np.round(self.null, _DECIMALS) >= round(self.figure.value, _DECIMALS)).sum())
        return (1 + reached) / (1 + self.null.size)

    @property
    def calibrated(self) -> Sampled:
        """``(s - tau)+ / (1 - tau)``, tau held fixed in the jackknife."""
        value = float(calibrated(np.array([self.figure.value]), self.threshold)[0])
        return Sampled(value, calibrated(self.figure.without, self.threshold), self.figure.halves)


def shuffles(blocks: Blocks, count: int, seed: int) -> list[Index]:
    """Pairings of passages with passages that move whole articles, within each half: t goes with ``result[t]``."""
    rng = np.random.default_rng([seed, 2])
    result = []
    for _ in range(count):
        paired = np.empty(blocks.code.size, dtype=np.int64)
        for half in blocks.halves:
            paired[half.rows] = half.rows[half.shuffle(rng)]
        result.append(paired)
    return result
