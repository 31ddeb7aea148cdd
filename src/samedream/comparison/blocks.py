"""Articles as the unit of chance: two halves, jackknife groups, and shuffles that move whole articles.

Passages of one article are alike, so neither halves nor groups nor shuffles ever cut one.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samedream.errors import ComparisonError

MIN_BLOCKS = 20
GROUPS_PER_HALF = 25
_ENOUGH_TO_EXCHANGE = 10  # blocks of one size; fewer are laid end to end with the other odd sizes

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Half:
    """Half of the articles.

    Attributes:
        rows: Its passages' rows in corpus order, int64 ``[passages of the half]``.
        groups: The jackknife group of each of them, int64, 0 to `n_groups` - 1.
        n_groups: How many groups.
        exchanged: For each size that enough articles have: positions (into `rows`) ``[articles, size]``.
        laid_out: Lines of the positions of each other article, to be laid end to end; one line, or one a stratum.
    """

    rows: Rows
    groups: Rows
    n_groups: int
    exchanged: tuple[Rows, ...]
    laid_out: tuple[tuple[Rows, ...], ...]

    def shuffle(self, rng: np.random.Generator) -> Rows:
        """A random pairing of articles with articles: position t goes with position ``result[t]``.

        Articles of one size change places with each other. Articles of odd sizes are laid end to end in a random order,
        turned by a random offset: they stay whole but for where two ends meet.
        """
        paired = np.empty(self.rows.size, dtype=np.int64)
        for blocks in self.exchanged:
            paired[blocks.ravel()] = blocks[rng.permutation(len(blocks))].ravel()
        for line in self.laid_out:
            mixed = np.concatenate([line[block] for block in rng.permutation(len(line))])
            paired[np.concatenate(line)] = np.roll(mixed, int(rng.integers(mixed.size)))
        return paired


@dataclass(frozen=True)
class Blocks:
    """The articles of a comparison: `code` int64 ``[passages]`` numbers them, `halves` are the two halves."""

    code: Rows
    count: int
    halves: tuple[Half, Half]

    @property
    def n_groups(self) -> tuple[int, int]:
        """How many jackknife groups each half has."""
        first, second = self.halves
        return first.n_groups, second.n_groups

    @property
    def group(self) -> Rows:
        """The jackknife group of each passage, those of half 2 after those of half 1, int64 ``[passages]``."""
        group = np.empty(self.code.size, dtype=np.int64)
        first, second = self.halves
        group[first.rows] = first.groups
        group[second.rows] = second.groups + first.n_groups
        return group


def split_blocks(blocks: Any, passages: int, seed: int) -> Blocks:
    """Number the articles, split them in two halves of equal size, each in 25 groups of equal size, at random.

    Args:
        blocks: The article of each passage, ``[passages]``, integers or strings.
        passages: How many there must be.
        seed: The split depends on this and on the articles' sizes and order alone, not on their names or the corpus'
            folds.

    Raises:
        ComparisonError: Wrong length, a missing article, or too few articles to tell anything.
    """
    code, count = _numbered(blocks, passages)
    if count == 1:
        raise ComparisonError(
            f"all {passages} passages are from one article; chance is measured by shuffling articles, so at least "
            f"{MIN_BLOCKS} are needed: cannot tell"
        )
    sizes = np.bincount(code, minlength=count)
    if count < MIN_BLOCKS:
        raise ComparisonError(
            f"the passages are from {count} articles, at least {MIN_BLOCKS} are needed to measure chance: cannot tell. "
            f"Use a corpus of more articles"
        )
    if sizes.max() > passages / 4:
        raise ComparisonError(
            f"one article holds {sizes.max()} of the {passages} passages; no article may hold more than a quarter, or "
            f"chance cannot be measured: cannot tell"
        )
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(count)
    order = order[np.argsort(-sizes[order], kind="stable")]  # large ones first, so that the small ones even it out
    side = np.empty(count, dtype=np.int64)
    load = [0, 0]
    for block in order:
        target = int(load[1] < load[0])
        side[block] = target
        load[target] += int(sizes[block])
    first, second = (_half(code, order[side[order] == target]) for target in (0, 1))
    return Blocks(code=code, count=count, halves=(first, second))


def within(blocks: Blocks, strata: Rows) -> Blocks:
    """The same halves, but articles change places only with articles of their own stratum (null N2 of protocol 3.4).

    Args:
        blocks: The articles and halves.
        strata: Number of the stratum of each passage (its topic), int64 ``[passages]``; an article is in that of its
            first passage. In each half the strata with fewer than 10 articles are pooled, the smallest first.
    """
    first, second = (_restricted(half, blocks.code[half.rows], strata[half.rows]) for half in blocks.halves)
    return Blocks(code=blocks.code, count=blocks.count, halves=(first, second))


def _restricted(half: Half, own: Rows, strata: Rows) -> Half:
    order = np.argsort(own, kind="stable")
    _, starts, sizes = np.unique(own[order], return_index=True, return_counts=True)
    member = _pooled(strata[order[starts]])
    lots = [_lots(order, starts[member == number], sizes[member == number]) for number in np.unique(member)]
    return replace(
        half,
        exchanged=tuple(blocks for exchanged, _ in lots for blocks in exchanged),
        laid_out=tuple(line for _, line in lots if line),
    )


def _pooled(strata: Rows) -> Rows:
    """Renumbered strata of articles: the smallest share number 0 until it has enough to exchange."""
    values, code, counts = np.unique(strata, return_inverse=True, return_counts=True)
    number = np.arange(1, values.size + 1)
    pooled = 0
    for small in np.argsort(counts, kind="stable"):
        if counts[small] >= _ENOUGH_TO_EXCHANGE and not 0 < pooled < _ENOUGH_TO_EXCHANGE:
            break
        number[small] = 0
        pooled += int(counts[small])
    result: Rows = number[code]
    return result


def _numbered(blocks: Any, passages: int) -> tuple[Rows, int]:
    given = np.asarray(blocks)
    if given.shape != (passages,):
        raise ComparisonError(f"blocks has shape {given.shape}, expected ({passages},): the article of each passage")
    if given.dtype.kind == "T":  # strings of any length: numpy casts them to objects only
        given = given.astype(object)
    if given.dtype.kind == "O" and all(isinstance(block, str) for block in given):
        given = given.astype(np.str_)
    elif given.dtype.kind == "O" and all(type(block) is int or isinstance(block, np.integer) for block in given):
        given = given.astype(np.int64)
    if given.dtype.kind not in "iuUS":
        kinds = sorted({type(block).__name__ for block in given}) if given.dtype.kind == "O" else [str(given.dtype)]
        raise ComparisonError(
            f"blocks are {' and '.join(kinds)} values, expected whole numbers or strings: the article of each passage"
        )
    names, first, code = np.unique(given, return_index=True, return_inverse=True)
    number = np.empty(names.size, dtype=np.int64)
    number[np.argsort(first)] = np.arange(names.size)  # in the order of the passages: names play no part
    return number[code], names.size


def _half(code: Rows, members: Rows) -> Half:
    """`members`: the half's articles, large ones first."""
    n_groups = min(GROUPS_PER_HALF, members.size)
    place = np.arange(members.size)
    turn, seat = place // n_groups, place % n_groups
    seat = np.where(turn % 2 == 1, n_groups - 1 - seat, seat)  # dealt to and fro: even sizes
    group_of = np.full(int(code.max()) + 1, -1, dtype=np.int64)
    group_of[members] = seat
    rows = np.flatnonzero(group_of[code] >= 0)
    own = code[rows]
    order = np.argsort(own, kind="stable")
    _, starts, sizes = np.unique(own[order], return_index=True, return_counts=True)
    exchanged, laid_out = _lots(order, starts, sizes)
    return Half(
        rows=rows,
        groups=group_of[own],
        n_groups=n_groups,
        exchanged=exchanged,
        laid_out=(laid_out,) if laid_out else (),
    )


def _lots(order: Rows, starts: Rows, sizes: Rows) -> tuple[tuple[Rows, ...], tuple[Rows, ...]]:
    """Articles by size where enough share one; the others one by one. A few odd ones take the nearest class along."""
    values, counts = np.unique(sizes, return_counts=True)
    odd = set(values[counts < _ENOUGH_TO_EXCHANGE].tolist())
    common = [int(value) for value in values if int(value) not in odd]
    while odd and common and np.isin(sizes, list(odd)).sum() < _ENOUGH_TO_EXCHANGE:
        nearest = min(common, key=lambda value: (abs(value - max(odd)), value))
        common.remove(nearest)
        odd.add(nearest)
    exchanged = tuple(order[starts[sizes == value, None] + np.arange(value)] for value in common)
    laid_out = tuple(order[start : start + size] for start, size in zip(starts, sizes, strict=True) if int(size) in odd)
    return exchanged, laid_out
