"""The penalty of a ridge regression, chosen on the rows it is fitted on."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def best_penalty(power: Floats, across: Floats, total: float, *, rows: int, shares: Floats) -> float:
    """The penalty of least generalised cross-validation error ``RSS / (n - df)^2`` (Golub, Heath & Wahba 1979).

    Args:
        power: Sum of squares of each of x's orthogonal components, ``[p]``, one of them above 0.
        across: Sums of products of these with y's columns, ``[p, q]``.
        total: Sum of squares of y, both centred.
        rows: How many rows.
        shares: The penalties to choose among, as shares of the largest power, ``[penalties]``.
    """
    penalty = shares[:, None] * power.max()
    held = (power + 2 * penalty) / (power + penalty) ** 2
    error = total - held @ (across**2).sum(axis=1)
    room = rows - 1 - (power / (power + penalty)).sum(axis=1)
    score = np.where(room > 1, error / np.maximum(room, 1) ** 2, np.inf)
    return float(penalty[np.argmin(score), 0])
