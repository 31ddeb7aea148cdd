"""Which side cuts the world finer: a first look at one dictionary width, and labelled as such.

Firing rates and spreads follow the width and L0 of a dictionary as much as the model behind it. A claim about models
needs curves over widths at equal L0 (protocol 3.5), which one study does not have.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.activity import Activity, Csr
from samedream.comparison.blocks import Blocks
from samedream.comparison.estimates import CONFIDENCE
from samedream.comparison.similarity import overlap
from samedream.comparison.table import mutual
from samedream.comparison.view import View
from samedream.records import Interval

MIN_PAIRS = 30
MARGIN = 0.05  # a smaller difference of containment is no difference worth a word
NOTE = (
    "A first look at one dictionary width: firing rates follow the width and L0 of a dictionary as much as the model. "
    "The interval is over matched pairs."
)

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def granularity(a: View, b: View, blocks: Blocks) -> dict[str, Any]:
    """Firing rate and effective number of articles of each side, and containment over the matched pairs.

    Returns:
        ``a`` and ``b``: medians over eligible features. ``containment``: interval of the mean of
        ``P(b fires | a fires) - P(a fires | b fires)`` over mutual pairs that pass, above 0 where a's features lie
        inside b's; None with fewer than 30 pairs. ``verdict``: "narrower", "broader" or "no clear difference"
        (a against b, a difference of at least .05), None where containment is. ``pairs``: how many. ``note``: limits.
    """
    chosen = np.flatnonzero(a.tested.passes & mutual(a, b))
    containment = None
    if chosen.size >= MIN_PAIRS:
        left = a.activity.eligible[chosen]
        right = b.activity.eligible[a.found.matching.partner[chosen]]
        found = overlap(a.activity.raw, b.activity.raw, (left, right))
        containment = _interval(found.right_given_left - found.left_given_right)
    return {
        "a": _medians(a.activity, blocks),
        "b": _medians(b.activity, blocks),
        "containment": msgspec.to_builtins(containment),
        "pairs": int(chosen.size),
        "verdict": _verdict(containment),
        "note": NOTE,
    }


def effective_articles(activity: Csr, blocks: Blocks) -> Floats:
    """``exp(H)`` of each feature's activity over articles: 1 for one article, n for n articles alike; 0 when dead."""
    n = activity.shape[0]
    indicator = sparse.csr_array((np.ones(n), (blocks.code, np.arange(n))), shape=(blocks.count, n))
    mass = sparse.csc_array(indicator @ activity)
    total = np.asarray(mass.sum(axis=0)).ravel()
    alive = total > 0
    mass.data = mass.data / np.repeat(np.where(alive, total, 1.0), np.diff(mass.indptr))
    mass.data = -mass.data * np.log(mass.data)
    return np.where(alive, np.exp(np.asarray(mass.sum(axis=0)).ravel()), 0.0)


def _medians(activity: Activity, blocks: Blocks) -> dict[str, float]:
    rate = activity.fired[activity.eligible] / activity.passages
    articles = effective_articles(activity.raw[:, activity.eligible], blocks)
    return {"median_firing_rate": float(np.median(rate)), "median_effective_articles": float(np.median(articles))}


def _interval(values: Floats) -> Interval:
    mean, reach = float(values.mean()), 1.96 * float(values.std(ddof=1)) / float(np.sqrt(values.size))
    return Interval(value=mean, low=mean - reach, high=mean + reach, confidence=CONFIDENCE)


def _verdict(containment: Interval | None) -> str | None:
    if containment is None:
        return None
    if containment.low > MARGIN:
        return "narrower"
    return "broader" if containment.high < -MARGIN else "no clear difference"
