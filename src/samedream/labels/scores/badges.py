"""One word for how far a label can be trusted, by the lower end of its lift over other features' labels.

Which score counts is settled by the label's kind, before any is known: a *topic* or *dense* label says what passages
are about, and the embedding reads it; every other label says which words stand there, and the rule reads it. (Measured
inside the label fold of a real study; the larger of two scores would be too large.)

A lift of .5 is all there is: from chance to perfect. *Strong*: with 97.5 % confidence at least half of it (.25).
*Fair*: at least a fifth (.1). *Weak*: more than nothing; of labels that are no better than another's about one in 30 is
called weak all the same (measured with other features' labels; `scores.json` has the figure of each study). *None*: not
told from another feature's label. The ends are round numbers, not fitted to any study.
"""

import numpy as np
from numpy.typing import NDArray

STRONG, FAIR = 0.25, 0.1
BADGES = ("strong", "fair", "weak", "none")
FAIR_OR_BETTER = BADGES[:2]
EMBEDDING, RULE = "embedding", "rule"
THEMATIC = ("topic", "dense")


def headline_of(kind: str, *, embedded: bool) -> str:
    """Which score a label's badge rests on: "embedding" or "rule".

    Args:
        kind: The label's kind.
        embedded: Whether there is an embedding; without one the rule reads every label.
    """
    return EMBEDDING if embedded and kind in THEMATIC else RULE


def badge_of(lift_low: float) -> str | None:
    """The badge of a label by the lower end of its lift; None where there is none (NaN)."""
    if np.isnan(lift_low):
        return None
    return "strong" if lift_low >= STRONG else "fair" if lift_low >= FAIR else "weak" if lift_low > 0 else "none"


def badges(lift_low: NDArray[np.float64]) -> list[str | None]:
    """The badge of every label."""
    return [badge_of(float(low)) for low in lift_low]
