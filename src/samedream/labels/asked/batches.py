"""Which passages are asked about, and in which order: all drawn with the feature's own seed, never by place.

Questions of one feature are the same whatever other features are asked about, so answers can be had from a cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from samedream.labels.asked.marks import Span, elsewhere, peak_word
from samedream.labels.scores.trials import GROUPS, POSITIVE, Trials

STRATA = GROUPS[:POSITIVE]
AT_ONCE = 8  # passages of a question of detection and fuzzing
MOST = 12  # passages that excite the feature, and as many that do not, in detection
MOST_MARKED = 24  # passages of fuzzing
FEWEST = 4  # of either kind, for a score to mean anything
EXEMPLARS = 4  # beside the intruder

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Item:
    """A passage in a question.

    Attributes:
        trial: Row of the trials.
        passage: Row of the corpus.
        group: Index into `GROUPS`.
        truth: What the right answer is: the label fits, the mark is right, this is the intruder.
        span: What is marked, None for nothing.
    """

    trial: int
    passage: int
    group: int
    truth: bool
    span: Span | None = None


@dataclass(frozen=True)
class Batch:
    """A question's passages, in the order in which they are shown."""

    feature: int
    items: list[Item]


@dataclass(frozen=True)
class Pool:
    """The trials with what is needed to draw from them; `rows` lists the trials at which each passage excites one."""

    trials: Trials
    texts: Sequence[str]
    seed: int
    rows: dict[int, Index] = field(default_factory=dict)

    def rng(self, feature: int, task: int) -> np.random.Generator:
        """A feature's own draws for one task."""
        return np.random.default_rng([self.seed, feature, task])

    def of(self, feature: int) -> Index:
        """Rows of a feature's trials, by group."""
        first, beyond = np.searchsorted(self.trials.feature, [feature, feature + 1])
        return np.arange(first, beyond)

    def span(self, row: int) -> Span | None:
        """The word at which a trial peaks."""
        peak = (int(self.trials.start[row]), int(self.trials.end[row]))
        return peak_word(self.texts[self.trials.passage[row]], peak)


def pool(trials: Trials, texts: Sequence[str], seed: int) -> Pool:
    """Make trials ready to be drawn from.

    Args:
        trials: Held-out passages of every feature.
        texts: Every passage of the corpus.
        seed: Of all draws.
    """
    excited = np.flatnonzero(trials.group < POSITIVE)
    order = excited[np.argsort(trials.passage[excited], kind="stable")]
    passages, starts = np.unique(trials.passage[order], return_index=True)
    return Pool(trials, texts, seed, dict(zip(passages.tolist(), np.split(order, starts)[1:], strict=True)))


def detection(drawn: Pool, feature: int) -> list[Batch]:
    """Up to 12 passages that excite the feature, evenly from its strata, and as many that do not, evenly from theirs.

    None at all where there are fewer than 4 of either.
    """
    rng, rows, group = drawn.rng(feature, 0), drawn.of(feature), drawn.trials.group
    excited = _evenly(rows[group[rows] < POSITIVE], group, rng)
    silent = _evenly(rows[group[rows] >= POSITIVE], group, rng)
    count = min(MOST, len(excited), len(silent))
    if count < FEWEST:
        return []
    items = [_item(drawn, int(row), row in excited) for row in (*excited[:count], *silent[:count])]
    return _dealt(feature, items, rng)


def fuzzing(drawn: Pool, feature: int) -> list[Batch]:
    """Up to 24 passages that excite the feature, each once; in half of each stratum the mark stands elsewhere."""
    rng, rows, group = drawn.rng(feature, 1), drawn.of(feature), drawn.trials.group
    pairs: list[tuple[int, Span, Span]] = []
    for row in _evenly(rows[group[rows] < POSITIVE], group, rng):
        own = drawn.span(int(row))
        other = own and elsewhere(drawn.texts[drawn.trials.passage[row]], own, rng)
        if own and other:
            pairs.append((int(row), own, other))
    pairs = pairs[: min(MOST_MARKED, len(pairs) // 2 * 2)]
    if len(pairs) < 2 * FEWEST:
        return []
    pairs.sort(key=lambda pair: group[pair[0]])
    right = (rng.random(len(pairs) // 2)[:, None] < 0.5) ^ np.array([True, False])  # one of every two neighbours
    items = [
        _item(drawn, row, bool(is_right), own if is_right else other)
        for (row, own, other), is_right in zip(pairs, right.ravel(), strict=True)
    ]
    return _dealt(feature, items, rng)


def intruder(drawn: Pool, feature: int) -> list[Batch]:
    """Four passages of one stratum and a passage that leaves the feature silent, at a random place among them.

    Every passage bears a mark: the intruder where another feature peaks in it, so that marks alone tell nothing.
    """
    rng, rows, group = drawn.rng(feature, 2), drawn.of(feature), drawn.trials.group
    kinds = [GROUPS.index("random"), GROUPS.index("near")]
    silent = list(_evenly(rows[np.isin(group[rows], kinds)], group, rng))
    found: list[Batch] = []
    for stratum in range(POSITIVE):
        members = rng.permutation(rows[group[rows] == stratum])
        for start in range(0, len(members) - EXEMPLARS + 1, EXEMPLARS):
            if not silent:
                return found
            odd = int(silent.pop(0))
            spans = {int(row): drawn.span(int(row)) for row in members[start : start + EXEMPLARS]} | {
                odd: _foreign(drawn, odd, rng)
            }
            some = all(spans.values())  # marks on all of them or on none
            items = [_item(drawn, row, row == odd, span if some else None) for row, span in spans.items()]
            items.insert(int(rng.integers(len(items))), items.pop())
            found.append(Batch(feature, items))
    return found


def _foreign(drawn: Pool, row: int, rng: np.random.Generator) -> Span | None:
    """Where another feature peaks in a trial's passage, or any word of it."""
    passage = int(drawn.trials.passage[row])
    others = drawn.rows.get(passage, np.zeros(0, np.int64))
    spans = (drawn.span(int(other)) for other in rng.permutation(others))
    return next((span for span in spans if span), None) or elsewhere(drawn.texts[passage], (0, 0), rng)


def _item(drawn: Pool, row: int, truth: bool, span: Span | None = None) -> Item:
    trials = drawn.trials
    return Item(row, int(trials.passage[row]), int(trials.group[row]), truth, span)


def _evenly(rows: Index, group: NDArray[np.int8], rng: np.random.Generator) -> Index:
    """The rows, one of each group in turn, those of a group in random order."""
    mixed = rng.permutation(rows)
    turn = np.zeros(len(mixed), np.int64)
    for number in np.unique(group[mixed]):
        turn[group[mixed] == number] = np.arange((group[mixed] == number).sum())
    found: Index = mixed[np.lexsort((group[mixed], turn))]
    return found


def _dealt(feature: int, items: Sequence[Item], rng: np.random.Generator) -> list[Batch]:
    """Deal items to questions of equal size, as many true as false in each, in random order."""
    count = -(-len(items) // AT_ONCE)
    return [Batch(feature, [hand[i] for i in rng.permutation(len(hand))]) for hand in _hands(items, count)]


def _hands(items: Sequence[Item], count: int) -> Iterator[list[Item]]:
    true, false = ([item for item in items if item.truth is kind] for kind in (True, False))
    for start in range(count):
        yield true[start::count] + false[start::count]
