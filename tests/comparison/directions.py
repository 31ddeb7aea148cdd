"""A direction of a comparison with given correlations, for tests of figures."""

import numpy as np

from samedream.comparison.estimates import Direction


def direction(r, spread=0.0, seed=0, halves=(25, 25)):
    r = np.asarray(r, dtype=float)
    noise = np.random.default_rng(seed).normal(0, spread, size=(sum(halves), 1)) if spread else 0.0
    zeros = np.zeros(r.size)
    without = r + noise + np.zeros((sum(halves), r.size))
    return Direction(r=r, without=without, threshold=zeros, chance=zeros, halves=halves)
