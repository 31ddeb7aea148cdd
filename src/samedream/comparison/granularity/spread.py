"""Over how many categories activity spreads, ``exp(H)``, and over how many without each group of articles.

One walk over a feature's firings for the whole, one for the groups: leaving a group out changes the entropy by the
categories that the group touches alone, so nothing is sorted and nothing is summed twice.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Firings = tuple[Index, Index, Floats]
"""Where each feature's firings begin ``[features + 1]``; group and strength of each ``[firings]``, by group in each."""


def spread(firings: Firings, category: Index, n_groups: int) -> tuple[Floats, Floats]:
    """``exp(H)`` of each feature's activity over categories.

    Args:
        firings: Strengths above 0.
        category: Number of the category of each firing, -1 for none (left out), int64 ``[firings]``.
        n_groups: How many groups.

    Returns:
        float64 ``[features]`` (1 for one category, n for n alike, NaN where no firing has one), and the same without
        each group, ``[groups, features]``.
    """
    bounds, group, strength = firings
    features = bounds.size - 1
    value, without = np.empty(features), np.empty((n_groups, features))
    room = np.zeros((2, int(category.max(initial=-1)) + 1))
    _all((bounds, category, group, strength), room, value, without)
    return value, without


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True)(function)


@_compiled
def _all(firings: Any, room: Any, value: Any, without: Any) -> None:
    bounds, category, group, strength = firings
    mass, part = room[0], room[1]  # of each category: of the feature, of the feature in one group
    for feature in range(len(value)):
        begin, end = bounds[feature], bounds[feature + 1]
        total, known = _gather((begin, end), category, strength, mass)
        bits = _bits((begin, end), category, mass, part)
        value[feature] = np.exp(np.log(total) - bits / total) if known else np.nan
        without[:, feature] = value[feature]
        at = begin
        while at < end:
            stop = at
            while stop < end and group[stop] == group[at]:
                stop += 1
            lost, count = _gather((at, stop), category, strength, part)
            left = total - lost
            changed = bits + _change((at, stop), category, mass, part)
            if count:
                without[group[at], feature] = np.nan if count == known else np.exp(np.log(left) - changed / left)
            at = stop
        for one in range(begin, end):
            if category[one] >= 0:
                mass[category[one]] = 0.0


@_compiled
def _gather(span: Any, category: Any, strength: Any, mass: Any) -> Any:
    """Add the strengths to their categories; their sum and number."""
    total, known = 0.0, 0
    for at in range(span[0], span[1]):
        if category[at] >= 0:
            mass[category[at]] += strength[at]
            total += strength[at]
            known += 1
    return total, known


@_compiled
def _bits(span: Any, category: Any, mass: Any, seen: Any) -> Any:
    """``sum m log m`` over the categories; `seen` is all 0 before and after."""
    bits = 0.0
    for at in range(span[0], span[1]):
        where = category[at]
        if where >= 0 and seen[where] == 0.0:
            seen[where] = 1.0
            bits += mass[where] * np.log(mass[where])
    for at in range(span[0], span[1]):
        if category[at] >= 0:
            seen[category[at]] = 0.0
    return bits


@_compiled
def _change(span: Any, category: Any, mass: Any, part: Any) -> Any:
    """What ``sum m log m`` changes by without the parts, which are cleared."""
    change = 0.0
    for at in range(span[0], span[1]):
        where = category[at]
        if where >= 0 and part[where] > 0.0:
            rest = mass[where] - part[where]
            if rest > 1e-12 * mass[where]:  # less is what rounding leaves of nothing
                change += rest * np.log(rest)
            change -= mass[where] * np.log(mass[where])
            part[where] = 0.0
    return change
