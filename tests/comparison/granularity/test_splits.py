from itertools import combinations

import numpy as np
from scipy import sparse

from samedream.comparison.granularity.splits import splits


def csr(columns, passages=100):
    dense = np.zeros((passages, len(columns)), np.float32)
    for feature, where in enumerate(columns):
        dense[np.asarray(where, int), feature] = 1.0
    return sparse.csr_array(dense)


def test_a_parent_and_its_parts_by_hand():
    parents = csr([range(30), range(30, 60)])
    parts = csr([range(12), range(12, 24), range(50, 75), range(90, 95)])
    inside, around = splits(parts, parents)
    # 12 of 30 is more than 30 % of the parent: half of it, no child; what is half outside is no child either
    assert inside.child.tolist() == [False, False, False, False]
    assert inside.number.tolist() == [2, 0]  # 24 of 30 are 80 %; nobody makes up the other one
    assert (inside.inner, inside.outer) == (3, 2)  # the part of five passages is too rare
    assert inside.child_share == 0.0
    assert around.number.tolist() == [0, 0, 0, 0]

    children = csr([range(9 * n // 1, 9 * n + 10) for n in range(3)])  # ten passages each, of 40
    inside, around = splits(children, csr([range(40)]))
    assert inside.child.tolist() == [True] * 3
    assert inside.child_share == 1.0
    assert inside.number.tolist() == [0]  # 28 of 40 are not 80 %
    assert around.child.tolist() == [False]


def test_a_feature_is_its_own_only_part_and_no_child_of_itself():
    rng = np.random.default_rng(0)
    activity = csr([rng.permutation(300)[:30] for _ in range(5)], 300)
    inside, around = splits(activity, activity)
    assert inside.number.tolist() == around.number.tolist() == [1] * 5
    assert not inside.child.any()


def test_what_fires_nearly_everywhere_has_no_children():
    inside, _ = splits(csr([range(20)]), csr([range(60), range(49)]))
    assert inside.child_share == 0.0  # 20 of 60, and 60 of 100 passages is too much; 20 of 49 is too large a part
    assert splits(csr([range(14)]), csr([range(51)]))[0].child_share == 0.0  # 14 of 51 is small enough, but 1 < 2 x .51
    assert splits(csr([range(14)]), csr([range(50)]))[0].child_share == 1.0


def test_only_values_above_a_fifth_of_the_maximum_are_firings():
    parent = np.zeros((100, 1), np.float32)
    parent[:30], parent[30:] = 1.0, 0.19
    part = csr([range(28)])
    assert splits(part, sparse.csr_array(parent))[0].number.tolist() == [1]


def covers(parent, parts):
    return len(parent & set().union(*parts)) >= 0.8 * len(parent)


def test_children_and_numbers_as_a_slow_search_finds_them():
    seen = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        topics = rng.integers(0, 4, 160)
        parents = [set(np.flatnonzero((topics == n) & (rng.random(160) < 0.9))) for n in range(4)]
        rates = rng.uniform(0.2, 0.8, 20)
        parts = [set(np.flatnonzero((topics == n % 4) & (rng.random(160) < rate))) for n, rate in enumerate(rates)]
        inside, _ = splits(csr(map_sorted(parts), 160), csr(map_sorted(parents), 160))
        for number, parent in enumerate(parents):
            share = 2 * len(parent) / 160
            good = [p for p in parts if len(p) >= 10 and len(p & parent) / len(p) >= max(0.5, share)]
            sizes = (n for n in range(1, len(good) + 1) for some in combinations(good, n) if covers(parent, some))
            fewest = next(sizes, 0)
            assert (inside.number[number] == 0) == (fewest == 0)
            assert fewest <= inside.number[number] <= fewest + 1
        for number, part in enumerate(parts):
            wanted = len(part) >= 10 and any(
                len(part & p) >= max(0.7, 2 * len(p) / 160) * len(part) and len(part & p) <= 0.3 * len(p)
                for p in parents
            )
            assert inside.child[number] == wanted
        seen += [*inside.number.tolist(), *inside.child.tolist()]
    assert {0, 1, 2, 3} <= set(seen)
    assert {True, False} <= set(seen)


def map_sorted(sets):
    return [sorted(one) for one in sets]
