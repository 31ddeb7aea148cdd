"""Which passages of the label fold a language model is shown of a feature, and on which its candidates are tried.

Shown are passages of the top, middle and weak third of the feature's activations, more of the top, and silent ones that
are near in meaning to those. Candidates are tried on passages that are not shown, so that the choice among them is no
look into the prompt; they are of the label fold too: the score fold is for scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.features.candidates import article_index
from samedream.features.strata import draw, passage_keys
from samedream.labels.ctfidf import rarity
from samedream.labels.drawing import first_free, thirds
from samedream.labels.keywords import term_counts
from samedream.labels.words import find_words
from samedream.records import Passage

THIRDS = (6, 3, 3)  # passages shown of the top, middle and weak third of the activations
UNLIKE = 6  # silent ones shown
TRIED = 4  # held back of each third
AGAINST = 12  # random silent ones that candidates are tried against, besides near ones
_SHARE = 0.6  # of a third with few passages: shown; the rest is held back
Space: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix[np.float64]"


@dataclass(frozen=True)
class Examples:
    """A feature's examples; passages are rows of the label fold.

    Attributes:
        feature: The feature.
        shown: Passages that excite it, strongest first, with the peak's span.
        unlike: Passages that do not, near in meaning.
        tried: Passages that excite it, held back.
        against: Passages that do not, held back.
    """

    feature: int
    shown: list[tuple[int, tuple[int, int]]]
    unlike: list[int]
    tried: list[int]
    against: list[int]


def meaning_space(passages: Sequence[Passage], embedding: NDArray[np.float32] | None) -> Space:
    """Vectors of passages whose products say how near they are in meaning [passages, d].

    Args:
        passages: Of the label fold.
        embedding: As a neutral embedder sees them, float32 [passages, e]; None: words they share, by TF-IDF.
    """
    if embedding is not None:
        return embedding
    counts = term_counts(find_words([passage.text for passage in passages]))
    weighted = sparse.csr_matrix(counts @ sparse.diags_array(rarity(counts)))
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags_array(1 / np.maximum(length, 1e-12)) @ weighted)


def choose_examples(
    activity: "sparse.csr_matrix[np.float32]",
    peaks: tuple[NDArray[np.uint32], NDArray[np.uint32]],
    passages: Sequence[Passage],
    *,
    rows: NDArray[np.int64],
    features: Sequence[int],
    space: Space,
    seed: int,
) -> Iterator[Examples]:
    """Choose each feature's examples, at most one passage of an article.

    Args:
        activity: float32 [corpus, features].
        peaks: First character and character after the peak of each stored value.
        passages: Of the label fold.
        rows: Their rows in `activity`.
        features: Whose examples are wanted; each fires in the label fold.
        space: See `meaning_space`.
        seed: Of the draws, which depend on the passages' ids, not on their order.
    """
    numbered = sparse.csr_matrix(
        (np.arange(1, activity.nnz + 1, dtype=np.int64), activity.indices, activity.indptr), shape=activity.shape
    )
    entries = numbered[rows][:, list(features)].tocsc()
    keys = passage_keys([passage.passage_id for passage in passages], seed)
    article = article_index([passage.article_id for passage in passages])
    mean = np.asarray(space.mean(axis=0)).ravel()
    for place, feature in enumerate(features):
        of = slice(entries.indptr[place], entries.indptr[place + 1])
        fires, entry = entries.indices[of].astype(np.int64), entries.data[of] - 1
        ticket = draw(keys, np.full(len(keys), feature, np.int32))
        shown, tried = _shown_and_tried(fires, activity.data[entry], article, ticket=ticket)
        spans = dict(
            zip(fires.tolist(), zip(peaks[0][entry].tolist(), peaks[1][entry].tolist(), strict=True), strict=True)
        )
        centre = np.asarray(space[shown].mean(axis=0)).ravel() - mean
        silent = np.setdiff1d(np.arange(len(passages)), fires)
        nearest = silent[np.lexsort((ticket[silent], -np.asarray(space @ centre).ravel()[silent]))]
        taken = set(article[[*shown, *tried]].tolist())
        near = first_free(nearest, article, taken, most=2 * UNLIKE)
        others = first_free(silent[np.argsort(ticket[silent])], article, taken, most=AGAINST)
        yield Examples(feature, [(row, spans[row]) for row in shown], near[::2], tried, [*near[1::2], *others])


def _shown_and_tried(
    fires: NDArray[np.int64], value: NDArray[np.float32], article: NDArray[np.int64], *, ticket: NDArray[np.float64]
) -> tuple[list[int], list[int]]:
    """Passages to show and to hold back, of each third of the activations, of each article its strongest passage."""
    strongest, third = thirds(fires, value, article, ticket=ticket)
    best = fires[strongest]
    shown: list[int] = []
    tried: list[int] = []
    for number, most in enumerate(THIRDS):
        drawn = best[third == number]
        drawn = drawn[np.argsort(ticket[drawn])]
        count = min(most, max(1, int(_SHARE * len(drawn))))
        shown += drawn[:count].tolist()
        tried += drawn[count : count + TRIED].tolist()
    rank = {int(row): place for place, row in enumerate(best)}
    return sorted(shown, key=rank.__getitem__), tried
