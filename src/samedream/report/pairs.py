"""Choose which features the page shows: the best pairs, a random sample of pairs, and features without a partner."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

import numpy as np

from samedream.report.reading import finite

Shown = TypeVar("Shown")
ONE_TO_ONE, ONE_WAY, ONLY_HERE, UNSTABLE = "one-to-one", "one-way", "only here", "unstable"
SPLIT, MERGE, MANY_TO_MANY = "split", "merge", "many-to-many"
TOO_RARE, DEAD = "too rare to tell", "dead"
IN_PARTS = (SPLIT, MERGE, MANY_TO_MANY)
MATCHED = (ONE_TO_ONE, *IN_PARTS, ONE_WAY)
CLASSES = (*MATCHED, ONLY_HERE, UNSTABLE, TOO_RARE, DEAD)
LUCK = 0.05  # a match passes when its q is at most this


@dataclass(frozen=True)
class Match:
    """One row of matches.parquet: what became of one feature. Numbers are None where the study has none.

    `assigned`, `children` and `parents` are features of the other side.
    """

    side: str
    feature: int
    partner: int | None
    r: float | None
    r_first: float | None
    r_second: float | None
    score: float | None
    threshold: float | None
    q_value: float | None
    repeat_r: float | None
    repeat_score: float | None
    floor_r: float | None
    kind: str
    assigned: int | None = None
    children: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    word: str = ""
    word_r: float | None = None
    embedding_similarity: float | None = None
    decoder_cosine: float | None = None

    @property
    def judged(self) -> bool:
        """Whether it fires often enough for its class to mean something."""
        return self.kind not in (TOO_RARE, DEAD)

    @property
    def passed(self) -> bool:
        """Whether its match with its partner passes; that of a split feature, or of a part, need not."""
        if self.kind in IN_PARTS:
            return self.q_value is not None and self.q_value <= LUCK
        return self.kind in MATCHED


OPTIONAL = tuple(f.name for f in fields(Match) if f.default is not MISSING)  # an older comparison has none of them
_NUMBERS = tuple(f.name for f in fields(Match) if f.name not in ("side", "feature", "partner", "kind", *OPTIONAL))
COLUMNS = ("side", "feature", "partner", "class", *_NUMBERS)


def match(row: dict[str, Any]) -> Match:
    """A row of matches.parquet as a `Match`."""
    numbers = {name: finite(row[name]) for name in _NUMBERS}
    return Match(
        side=row["side"],
        feature=int(row["feature"]),
        partner=_whole(row["partner"]),
        kind=row["class"],
        assigned=_whole(row.get("assigned")),
        children=tuple(row.get("children") or ()),
        parents=tuple(row.get("parents") or ()),
        word=row.get("word") or "",
        **numbers,
        **{name: finite(row.get(name)) for name in ("word_r", "embedding_similarity", "decoder_cosine")},
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


@dataclass(frozen=True)
class Pair:
    """A feature of a and one of b. `seen` is the row that names the pair, `back` the other feature's own row."""

    a: int | None
    b: int | None
    seen: Match
    back: Match | None

    @property
    def strength(self) -> float:
        """The held-out correlation; 0 when there is none."""
        return self.seen.r or 0.0


def _pair(row: Match, rows: dict[tuple[str, int], Match]) -> Pair:
    a, b = (row.feature, row.partner) if row.side == "a" else (row.partner, row.feature)
    other = "b" if row.side == "a" else "a"
    return Pair(a, b, row, None if row.partner is None else rows.get((other, row.partner)))


def matched_pairs(matches: Iterable[Match]) -> list[Pair]:
    """Every pair that passed, once, strongest first; a pair found from both sides is a's row."""
    rows = {(row.side, row.feature): row for row in matches}
    found: dict[tuple[int | None, int | None], Pair] = {}
    for key in sorted(rows):
        row = rows[key]
        if row.passed and row.partner is not None:
            pair = _pair(row, rows)
            found.setdefault((pair.a, pair.b), pair)
    return sorted(found.values(), key=lambda pair: (-pair.strength, pair.a or 0, pair.b or 0))


def best_pairs(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """The strongest pairs that choose each other, strongest first."""
    return [pair for pair in pairs if pair.seen.kind == ONE_TO_ONE][:count]


def random_pairs(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """A sample of all matched pairs, each as likely as any other, without repeats; strongest first."""
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [pairs[index] for index in sorted(int(index) for index in chosen)]


def lonely_features(matches: Sequence[Match], side: str, count: int) -> list[Pair]:
    """Features of one side without a partner, the clearest first.

    Clearest: the own model's repeat finds the feature best, beyond what the other model finds. Where the study has no
    repeat, the features that found least.

    Args:
        matches: Every row of the comparison.
        side: "a" or "b".
        count: How many at most.
    """
    rows = {(row.side, row.feature): row for row in matches}
    own = [row for row in matches if row.side == side]
    wanted = (ONLY_HERE,) if any(row.repeat_r is not None for row in own) else (ONLY_HERE, UNSTABLE)
    alone = [row for row in own if row.kind in wanted]
    alone.sort(key=lambda row: ((row.r or 0.0) - (row.repeat_r or 0.0), row.feature))
    return [_pair(row, rows) for row in alone[:count]]


def distinct(pairs: Sequence[Shown], words: Callable[[Shown], set[str]], count: int) -> list[Shown]:
    """The first pairs that say different things: no two share a word. Too few of those: the first ones left over."""
    chosen: list[Shown] = []
    said: set[str] = set()
    for pair in pairs:
        if len(chosen) < count and not words(pair) & said:
            chosen.append(pair)
            said |= words(pair)
    rest = [pair for pair in pairs if pair not in chosen]
    return sorted([*chosen, *rest[: count - len(chosen)]], key=pairs.index)
