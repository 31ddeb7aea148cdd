"""The passages on which a feature's label is tried: some that excite the feature, some that do not, all held out.

Every trial is a passage of the *score* fold, at most one of an article for each feature, so that trials are independent
draws. Positives are of the top, middle and weak third of the feature's own activations there: labels that fit only the
strongest passages overstate what a feature is about. Negatives are passages on which it is exactly silent: *random*
ones; those *near* in meaning to what excites it; and *traps*, in which one of its trigger words stands all the same.
What defines near and trap comes from the label fold, so no trial is chosen with a look at the answers of others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.features.candidates import article_index
from samedream.features.strata import draw, passage_keys
from samedream.labels.drawing import first_free, thirds
from samedream.labels.evidence import Evidence, label_fold
from samedream.labels.scores.traps import Places, find_places, traps
from samedream.records import Passage

GROUPS = ("top", "middle", "weak", "random", "near", "trap")
POSITIVE = 3  # the first three: the feature fires
OF_STRATUM = 8  # positives drawn from each third
OF_KIND = 12  # negatives drawn of each kind
_AT_ONCE = 512  # features whose nearness to every passage is held in memory

Peaks = tuple[NDArray[np.uint32], NDArray[np.uint32]]


@dataclass(frozen=True)
class Trials:
    """Held-out trials of every feature, sorted by feature, then group; all [n].

    Attributes:
        feature: int32. A feature that does not fire in the score fold has no trials.
        passage: Row in the corpus, of the score fold, int64; at most one of an article for each feature.
        group: Index into `GROUPS`, int8; positive below `POSITIVE`.
        value: Activation of the peak, float32, 0 for negatives.
        start: First character of the peak, or of a trap's trigger word, int64; -1 for other negatives.
        end: Character after it, int64; -1 for other negatives.
    """

    feature: NDArray[np.int32]
    passage: NDArray[np.int64]
    group: NDArray[np.int8]
    value: NDArray[np.float32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.feature)

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether the feature fires on each."""
        fires: NDArray[np.bool_] = self.group < POSITIVE
        return fires


@dataclass(frozen=True)
class _Fold:
    """The score fold: its rows in the corpus, and for each a key of its draws and its article's number."""

    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]
    article: NDArray[np.int64]


@dataclass(frozen=True)
class _Firings:
    """Where one feature fires in the score fold: indices into the fold, values, and spans of the peaks."""

    passage: NDArray[np.int64]
    value: NDArray[np.float32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


_Row = tuple[int, int, float, int, int]  # passage in the fold, group, value, start, end


def score_fold(passages: Sequence[Passage]) -> NDArray[np.int64]:
    """Index of every passage that labels are scored on, int64."""
    return np.array([i for i, passage in enumerate(passages) if passage.fold == "score"], np.int64)


def draw_trials(
    activity: "sparse.csr_matrix[np.float32]",
    peaks: Peaks,
    passages: Sequence[Passage],
    *,
    evidence: Evidence,
    embedding: NDArray[np.float32] | None,
    triggers: Sequence[Sequence[str]],
    seed: int,
) -> Trials:
    """Draw every feature's trials. Where there are too few passages of a group, fewer are drawn, none from another.

    Args:
        activity: float32 [passages, features].
        peaks: First character and character after the peak of each stored value.
        passages: The corpus, both folds.
        evidence: Each feature's strongest passages of the label fold: near is near to their mean embedding.
        embedding: Each passage as a neutral embedder sees it, float32 [passages, e], of length 1; without it no
            negative is "near".
        triggers: What each feature peaks on in the label fold, the most frequent first [features].
        seed: Of the draws. A passage's draws depend on its id, not on its place in the corpus.
    """
    rows = score_fold(passages)
    held_out = [passages[i] for i in rows]
    fold = _Fold(
        rows,
        passage_keys([passage.passage_id for passage in held_out], seed),
        article_index([passage.article_id for passage in held_out]),
    )
    places = find_places([passage.text for passage in held_out], triggers)
    firings = _by_feature(activity, peaks, rows)
    nearness = _Nearness(evidence, embedding, passages)
    drawn: list[tuple[int, list[_Row]]] = []
    for feature, mine in enumerate(firings):
        if len(mine.passage):
            trapped = traps(places, triggers[feature])
            drawn.append((feature, _draw(feature, mine, fold, near=nearness.of(feature), trapped=trapped)))
    return _gathered(drawn, rows)


def _by_feature(activity: "sparse.csr_matrix[np.float32]", peaks: Peaks, rows: NDArray[np.int64]) -> "list[_Firings]":
    """Where each feature fires on the given rows."""
    length = np.diff(activity.indptr)[rows].astype(np.int64)
    of_row = np.repeat(np.arange(len(rows)), length)
    entry = np.repeat(activity.indptr[rows] - (np.cumsum(length) - length), length) + np.arange(len(of_row))
    feature = activity.indices[entry]
    order = np.lexsort((of_row, feature))
    entry, of_row, feature = entry[order], of_row[order], feature[order]
    value, start, end = activity.data[entry], peaks[0][entry].astype(np.int64), peaks[1][entry].astype(np.int64)
    bounds = np.searchsorted(feature, np.arange(activity.shape[1] + 1))
    return [
        _Firings(of_row[a:b], value[a:b], start[a:b], end[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]


class _Nearness:
    """How near every passage of the score fold is to what excites a feature, many features at a time.

    A feature's centre is the activation-weighted mean embedding of its evidence, less the label fold's mean: what all
    texts have in common would make one and the same passages near to everything.
    """

    def __init__(self, evidence: Evidence, embedding: NDArray[np.float32] | None, passages: Sequence[Passage]) -> None:
        self._held_out: NDArray[np.float32] | None = None
        if embedding is not None:
            fold = np.asarray(embedding[label_fold(passages)])
            weights = evidence.weights(len(fold))
            total = np.asarray(weights.sum(axis=0)).ravel()
            centre = (weights.T @ fold) - np.outer(total, fold.mean(axis=0))
            self._centre = np.asarray(centre, np.float32)
            self._held_out = np.asarray(embedding[score_fold(passages)])
            self._first, self._block = -_AT_ONCE, np.zeros((0, 0), np.float32)

    def of(self, feature: int) -> NDArray[np.float32] | None:
        """Nearness of each passage of the score fold, float32; None without an embedding. Ask in ascending order."""
        if self._held_out is None:
            return None
        if feature >= self._first + _AT_ONCE:
            self._first = feature
            self._block = self._centre[feature : feature + _AT_ONCE] @ self._held_out.T
        row: NDArray[np.float32] = self._block[feature - self._first]
        return row


def _draw(
    feature: int, mine: _Firings, fold: _Fold, *, near: NDArray[np.float32] | None, trapped: Places
) -> list[_Row]:
    """One feature's trials: the scarce ones first, so that what many passages can be does not use up their articles."""
    ticket = draw(fold.keys, np.full(len(fold.keys), feature, np.int32))
    taken: set[int] = set()
    rows = _positives(mine, fold.article, ticket=ticket, taken=taken)
    silent = np.ones(len(fold.rows), bool)
    silent[mine.passage] = False
    where = {int(passage): (int(a), int(b)) for passage, a, b in zip(*trapped, strict=True) if silent[passage]}
    candidates = np.fromiter(where, np.int64, len(where))
    for passage in first_free(candidates[np.argsort(ticket[candidates])], fold.article, taken, most=OF_KIND):
        rows.append((passage, GROUPS.index("trap"), 0.0, *where[passage]))
    others = np.flatnonzero(silent)
    if near is not None:
        nearest = others[np.lexsort((ticket[others], -near[others]))]
        for passage in first_free(nearest, fold.article, taken, most=OF_KIND):
            rows.append((passage, GROUPS.index("near"), 0.0, -1, -1))
    for passage in first_free(others[np.argsort(ticket[others])], fold.article, taken, most=OF_KIND):
        rows.append((passage, GROUPS.index("random"), 0.0, -1, -1))
    return sorted(rows, key=lambda row: row[1])


def _positives(
    mine: _Firings, article: NDArray[np.int64], *, ticket: NDArray[np.float64], taken: set[int]
) -> list[_Row]:
    """Positives of each third of a feature's activations, of each article its strongest passage."""
    best, third = thirds(mine.passage, mine.value, article, ticket=ticket)
    rows: list[_Row] = []
    for group in range(POSITIVE):
        inside = best[third == group]
        for i in inside[np.argsort(ticket[mine.passage[inside]])][:OF_STRATUM]:
            passage = int(mine.passage[i])
            taken.add(int(article[passage]))
            rows.append((passage, group, float(mine.value[i]), int(mine.start[i]), int(mine.end[i])))
    return rows


def _gathered(drawn: Sequence[tuple[int, list[_Row]]], rows: NDArray[np.int64]) -> Trials:
    table = [row for _, mine in drawn for row in mine]
    passage, group, value, start, end = zip(*table, strict=True) if table else ((),) * 5
    return Trials(
        np.repeat(np.array([f for f, _ in drawn], np.int32), [len(mine) for _, mine in drawn]),
        rows[np.array(passage, np.int64)],
        np.array(group, np.int8),
        np.array(value, np.float32),
        np.array(start, np.int64),
        np.array(end, np.int64),
    )
