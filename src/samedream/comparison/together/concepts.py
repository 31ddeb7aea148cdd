"""Groups of features across models that are one concept: cliques of mutual best pairs that pass the test.

Every two members of a clique are each other's best partner and pass both ways, so a clique of size n is a concept that
all n models have, and it holds at most one feature of a model. Connected components would not do: a chain a - b - c,
where a and c do not choose each other, drifts from one meaning to another link by link, and a long one ties together
what nobody would call one concept.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from samedream.comparison.together.models import Spread, Ways

Node = tuple[int, int]  # number of the model, feature
Links = dict[Node, dict[Node, float]]


@dataclass(frozen=True)
class Concepts:
    """The concepts that two or more models have.

    Attributes:
        members: Of each concept, in the models' order; the largest first, then those of the strongest weakest link.
        links: Node → node → the lower r of its two directions.
    """

    members: list[tuple[Node, ...]]
    links: Links


def find_concepts(models: Sequence[str], found: Ways) -> Concepts:
    """The concepts of a study.

    Where cliques overlap (a chain of them) the largest takes its features, of equal ones that with the strongest
    weakest link; what is left of the others may still be a concept. So no feature is in two.

    Args:
        models: The models.
        found: (model, other) → how the model's features are found in the other.
    """
    links = _links(models, found)
    waiting = [(*_rank(clique, links), clique) for clique in _maximal_cliques(links)]
    heapq.heapify(waiting)
    members: list[tuple[Node, ...]] = []
    taken: set[Node] = set()
    while waiting:
        *_, clique = heapq.heappop(waiting)
        rest = tuple(node for node in clique if node not in taken)
        if len(rest) == len(clique):
            members.append(clique)
            taken.update(clique)
        elif len(rest) > 1:
            heapq.heappush(waiting, (*_rank(rest, links), rest))
    return Concepts(members, links)


def _links(models: Sequence[str], found: Ways) -> Links:
    links: Links = {}
    for (i, one), (j, other) in combinations(enumerate(models), 2):
        forth, back = found[one, other], found[other, one]
        for feature in np.flatnonzero(forth.linked).tolist():
            partner = int(forth.partner[feature])
            if back.linked[partner] and back.partner[partner] == feature:
                r = min(float(forth.r[feature]), float(back.r[partner]))
                links.setdefault((i, feature), {})[j, partner] = r
                links.setdefault((j, partner), {})[i, feature] = r
    return links


def _rank(clique: tuple[Node, ...], links: Links) -> tuple[int, float]:
    """Large cliques first, then strong ones."""
    return -len(clique), -min(links[one][other] for one, other in combinations(clique, 2))


def _maximal_cliques(links: Links) -> Iterator[tuple[Node, ...]]:
    """Every clique that is part of no other (Bron & Kerbosch 1973); a node has a link to each other model at most."""

    def grow(clique: list[Node], more: set[Node], done: set[Node]) -> Iterator[tuple[Node, ...]]:
        if not more and not done:
            yield tuple(sorted(clique))
        for node in sorted(more):
            near = links[node].keys()
            yield from grow([*clique, node], more & near, done & near)
            more, done = more - {node}, done | {node}

    for node in sorted(links):
        near = links[node].keys()
        yield from grow([node], {other for other in near if other > node}, {other for other in near if other < node})


def concept_figures(models: Sequence[str], concepts: Concepts) -> dict[str, Any]:
    """How many concepts which models have, and how far the pairs agree with each other.

    ``closure``: of two links that meet in a feature, how often the third side is a link too (transitivity, Newman
    2003): 1 where all pairs agree, near 0 where links of different pairs have nothing to do with each other.
    """
    sets: dict[tuple[int, ...], int] = {}
    for clique in concepts.members:
        of = tuple(model for model, _ in clique)
        sets[of] = sets.get(of, 0) + 1
    links = concepts.links
    meeting = [(one, other) for near in links.values() for one, other in combinations(sorted(near), 2)]
    closed = sum(other in links[one] for one, other in meeting)
    total = sum(len(near) for near in links.values()) // 2
    inside = sum(len(clique) * (len(clique) - 1) // 2 for clique in concepts.members)
    return {
        "count": len(concepts.members),
        "in_all": sets.get(tuple(range(len(models))), 0),
        "by_models": [
            {"models": [models[model] for model in of], "count": count}
            for of, count in sorted(sets.items(), key=lambda item: (-len(item[0]), item[0]))
        ],
        "links": total,
        "links_left_out": total - inside,
        "closure": closed / len(meeting) if meeting else None,
    }


def concept_table(models: Sequence[str], concepts: Concepts, *, found: Ways, spread: Mapping[str, Spread]) -> pa.Table:
    """One row for each feature of each concept.

    Columns: concept (0 is the largest and strongest), models (how many have it), model, feature, stable, r_min (the
    weakest link of the concept, the same in all its rows), and ``r_<model>``: the held-out r of this feature with the
    member of that model, null where there is none.
    """
    names = ["concept", "models", "model", "feature", "stable", "r_min", *(f"r_{model}" for model in models)]
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, clique in enumerate(concepts.members):
        weakest = -_rank(clique, concepts.links)[1]
        members = {models[model] for model, _ in clique}
        for place, feature in clique:
            model = models[place]
            stable = spread[model].stable
            seen = [
                float(found[model, other].r[feature]) if other in members and other != model else None
                for other in models
            ]
            known = None if stable is None else bool(stable[feature])
            row = [number, len(clique), model, feature, known, weakest, *seen]
            for name, value in zip(names, row, strict=True):
                columns[name].append(value)
    kinds = [pa.int32(), pa.int32(), pa.string(), pa.int32(), pa.bool_(), pa.float64(), *[pa.float64()] * len(models)]
    return pa.table(columns, schema=pa.schema(list(zip(names, kinds, strict=True))))
