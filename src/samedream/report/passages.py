"""Choose the passages shown for a pair: some picked by each of the two features, most of them strong, some weaker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from samedream.report.reading import Exemplar

STRONG = "top"
WEAKER = ("middle", "weak")


@dataclass(frozen=True)
class Pick:
    """A passage to show, which side's exemplars it is from ("a", "b" or "both"), and of which stratum."""

    passage_id: str
    side: str
    stratum: str


def _alternate(a: Sequence[Exemplar], b: Sequence[Exemplar]) -> Iterator[tuple[str, Exemplar]]:
    for place in range(max(len(a), len(b))):
        if place < len(a):
            yield "a", a[place]
        if place < len(b):
            yield "b", b[place]


def choose_passages(a: Sequence[Exemplar], b: Sequence[Exemplar], count: int) -> list[Pick]:
    """Passages for one pair, from both features' exemplars in turn.

    The first two thirds are the strongest ones; the last third is from the middle and weak strata, because the
    strongest passages alone make every feature look purer than it is. What is missing of one kind is made up from the
    other; near misses are never chosen.

    Args:
        a: The exemplars of a's feature, strongest first; may be empty.
        b: The exemplars of b's feature, strongest first; may be empty.
        count: How many passages.
    """

    def of(strata: tuple[str, ...]) -> list[tuple[str, Exemplar]]:
        left, right = ([e for e in side if e.stratum in strata] for side in (a, b))
        return list(_alternate(left, right))

    strong, weaker = of((STRONG,)), of(WEAKER)
    shared = {e.passage_id for e in a if e.stratum == STRONG} & {e.passage_id for e in b if e.stratum == STRONG}
    chosen: dict[str, Pick] = {}
    for source, limit in ((strong, count - count // 3), (weaker, count), (strong, count)):
        for side, exemplar in source:
            if len(chosen) >= limit:
                break
            pick = Pick(exemplar.passage_id, "both" if exemplar.passage_id in shared else side, exemplar.stratum)
            chosen.setdefault(exemplar.passage_id, pick)
    order = (STRONG, *WEAKER)
    return sorted(chosen.values(), key=lambda pick: order.index(pick.stratum))
