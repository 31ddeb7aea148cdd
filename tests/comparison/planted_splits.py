"""Pairs of dictionaries with known splits: one side has a concept as one feature, the other as several.

A parent concept's occurrences are divided among two to four children, mostly whole articles at a time, in unequal
shares. `overlap` is the share of occurrences that a second child has too. Beside them are concepts that both sides
have, twins (a concept that one side found twice: no split, both have all of it), parents of whose children the other
side found one only (no split either), and private concepts. All features see their concept through gain, bend, noise,
misses and false alarms of their own, scaled by `noise`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from tests.comparison.planted import World

KINDS = ("split", "shared", "twice", "single", "private")


class Noisy(World):
    def __init__(self, rng, articles, noise):
        super().__init__(rng, articles)
        self.noise = noise

    def render(self, strength):
        rng, (n, count), noise = self.rng, strength.shape, self.noise
        gain = rng.lognormal(0, 1.5, size=count)
        bend = rng.uniform(1 - 0.4 * noise, 1 + 0.4 * noise, size=count).clip(0.3)
        miss = (rng.beta(2, 6, size=count) * noise).clip(0, 0.7)
        alarm = (rng.beta(1, 40, size=count) * noise).clip(0, 0.3)
        spread = rng.lognormal(0, rng.uniform(0.1, 0.6 * max(noise, 0.2), size=count), size=(n, count))
        seen = strength**bend * spread * (rng.random((n, count)) > miss)
        false = (rng.random((n, count)) < alarm) * rng.exponential(0.7, size=(n, count))
        return gain * np.maximum(seen, false)

    def divide(self, strength, children, overlap=0.0):
        """One concept's occurrences among children: a child per article, and one in ten passages changes over."""
        rng = self.rng
        shares = rng.dirichlet(np.full(children, 3.0))
        own = rng.choice(children, size=self.article.max() + 1, p=shares)[self.article]
        stray = rng.random(own.size) < 0.1
        own[stray] = rng.choice(children, size=int(stray.sum()), p=shares)
        has = own[:, None] == np.arange(children)
        if overlap:
            has |= (rng.random(own.size) < overlap)[:, None] & (((own + 1) % children)[:, None] == np.arange(children))
        return strength[:, None] * has


@dataclass(frozen=True)
class Splits:
    left: sparse.csr_array
    right: sparse.csr_array
    blocks: np.ndarray
    children: dict[str, dict[int, set[int]]]  # side of the parent → parent → its children on the other side
    single: dict[str, dict[int, int]]  # side of the parent → parent → the only child that the other side found
    shared: dict[int, int]
    left_floor: sparse.csr_array
    right_floor: sparse.csr_array


def planted_splits(seed, *, articles=2500, left=500, right=1000, noise=1.0, overlap=0.0, parents=(40, 20)):
    """`parents`: how many of left are split in right, and how many of right in left."""
    rng = np.random.default_rng(seed)
    world = Noisy(rng, articles, noise)
    sides = {"a": [], "b": []}  # concepts, [passages] each
    truth, single, shared = {"a": {}, "b": {}}, {"a": {}, "b": {}}, {}

    def add(side, strength):
        sides[side].append(strength)
        return len(sides[side]) - 1

    for side, other, count in (("a", "b", parents[0]), ("b", "a", parents[1])):
        concepts = world.concepts(count + 15)
        for at in range(count):
            parts = world.divide(concepts[:, at], int(rng.integers(2, 5)), overlap)
            truth[side][add(side, concepts[:, at])] = {add(other, part) for part in parts.T}
        for at in range(count, count + 15):
            part = world.divide(concepts[:, at], int(rng.integers(2, 4)))[:, 0]
            single[side][add(side, concepts[:, at])] = add(other, part)
    for concept in world.concepts(round(0.25 * left)).T:
        shared[add("a", concept)] = add("b", concept)
    for concept in world.concepts(20).T:  # found twice by b, and by a
        add("a", concept), add("b", concept), add("b", concept)
    for concept in world.concepts(10).T:
        add("a", concept), add("a", concept), add("b", concept)
    order, activity = {}, {}
    for side, width in (("a", left), ("b", right)):
        private = world.concepts(width - len(sides[side]))
        strength = np.concatenate([np.stack(sides[side], axis=1), private], axis=1)
        order[side] = rng.permutation(width)  # feature order[c] sees concept c
        activity[side] = sparse.csr_array(world.render(strength)[:, np.argsort(order[side])].astype(np.float32))
    pair = {"a": ("a", "b"), "b": ("b", "a")}

    def place(s, p):
        return int(order[s][p])

    return Splits(
        left=activity["a"],
        right=activity["b"],
        blocks=world.article,
        children={
            s: {place(s, p): {place(pair[s][1], c) for c in cs} for p, cs in found.items()}
            for s, found in truth.items()
        },
        single={s: {place(s, p): place(pair[s][1], c) for p, c in found.items()} for s, found in single.items()},
        shared={place("a", p): place("b", c) for p, c in shared.items()},
        left_floor=sparse.csr_array(world.render(world.concepts(left)).astype(np.float32)),
        right_floor=sparse.csr_array(world.render(world.concepts(right)).astype(np.float32)),
    )
