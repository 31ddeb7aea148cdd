"""Drawing passages for a feature, at most one of an article: what the labeller sees and what labels are tried on."""

import numpy as np
from numpy.typing import NDArray

THIRDS = 3  # top, middle, weak

Index = NDArray[np.int64]


def thirds(
    passage: Index, value: NDArray[np.floating], article: Index, *, ticket: NDArray[np.floating]
) -> tuple[Index, Index]:
    """Of each article its strongest passage, and the third of the activations it lies in.

    Args:
        passage: Where a feature fires, int64 [n].
        value: How strongly, [n].
        article: Index of every passage's article, int64 [passages].
        ticket: Every passage's number in the draw, [passages]; settles ties.

    Returns:
        Indices into `passage`, strongest first, and the third of each: 0 top, 1 middle, 2 weak; int64 [articles].
    """
    order = np.lexsort((ticket[passage], -value))
    _, first = np.unique(article[passage[order]], return_index=True)
    best = order[np.sort(first)]
    return best, THIRDS * np.arange(len(best)) // len(best)


def first_free(candidates: Index, article: Index, taken: set[int], *, most: int) -> list[int]:
    """The first candidates whose articles are not taken yet; they take them."""
    found: list[int] = []
    for passage in candidates:
        if len(found) == most:
            break
        if (number := int(article[passage])) not in taken:
            taken.add(number)
            found.append(int(passage))
    return found
