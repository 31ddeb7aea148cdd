"""A tree of models by how alike they are: average linkage of their distances, with the support of each join."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

DRAWS = 1000
_STREAM = 11  # of random numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Join:
    """Two groups of models that become one.

    Attributes:
        left: Models of the first group, in the order of the leaves.
        right: Of the second.
        distance: Mean distance between a model of the one and a model of the other.
        support: Share of the draws in which these models together are a group of the tree; None for the last join.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    distance: float
    support: float | None


@dataclass(frozen=True)
class Tree:
    """`joins` in the order of their distance, `leaves` as they stand side by side, `newick` the tree as one line."""

    joins: list[Join]
    leaves: tuple[str, ...]
    newick: str


def grow(models: Sequence[str], distance: Floats, deviation: Floats, *, seed: int) -> Tree:
    """The tree of average linkage (UPGMA, Sokal & Michener 1958).

    Support: distances are drawn anew, normal with their standard errors, each by itself; a share of .95 means that the
    error of the distances hardly ever breaks the group up. The distances share their articles, so their differences are
    surer than the draws take them: the support is rather too low. It knows nothing of other dictionary seeds.

    Args:
        models: Names, ``[n]``.
        distance: Symmetric, 0 on the diagonal, float64 ``[n, n]``.
        deviation: Standard error of each, float64 ``[n, n]``.
        seed: Of the draws.
    """
    merges = linkage(squareform(distance, checks=False), "average")
    rng = np.random.default_rng([seed, _STREAM])
    around, spread = (squareform(values, checks=False) for values in (distance, deviation))
    drawn = np.maximum(around + spread * rng.standard_normal((DRAWS, around.size)), 0.0)
    seen = [_groups(linkage(draw, "average")) for draw in drawn]
    order = [int(leaf) for leaf in leaves_list(merges)]
    parts: list[list[int]] = [[leaf] for leaf in range(len(models))]
    lines = [_quoted(name) for name in models]
    heights = [0.0] * len(models)
    joins = []
    for number, (one, other, height, _) in enumerate(merges.tolist()):
        left, right = sorted((int(one), int(other)), key=lambda at: order.index(parts[at][0]))
        whole = frozenset(parts[left] + parts[right])
        last = number == len(models) - 2
        support = None if last else float(np.mean([whole in groups for groups in seen]))
        of_left, of_right = (tuple(models[leaf] for leaf in parts[at]) for at in (left, right))
        joins.append(Join(of_left, of_right, float(height), support))
        # a leaf lies half the distance below its join, so that the way from leaf to leaf is the distance
        ends = ",".join(f"{lines[at]}:{(height - heights[at]) / 2:.4f}" for at in (left, right))
        parts.append(parts[left] + parts[right])
        lines.append(f"({ends})" + ("" if support is None else f"{support:.2f}"))
        heights.append(height)
    return Tree(joins, tuple(models[leaf] for leaf in order), lines[-1] + ";")


def standard_error(low: float, high: float, confidence: float) -> float:
    """Of a figure whose interval is normal: half its width over the quantile."""
    return (high - low) / 2 / float(stats.norm.ppf((1 + confidence) / 2))


def _groups(merges: Floats) -> set[frozenset[int]]:
    n = len(merges) + 1
    parts = [frozenset([leaf]) for leaf in range(n)]
    for one, other in merges[:, :2].astype(int).tolist():
        parts.append(parts[one] | parts[other])
    return set(parts[n:])


def _quoted(name: str) -> str:
    """A name as Newick wants it: quoted unless it is letters, digits, dots and hyphens."""
    plain = all(letter.isalnum() or letter in ".-" for letter in name)
    return name if plain else "'" + name.replace("'", "''") + "'"
