import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.activity import prepare
from samedream.comparison.arena import enter
from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.context import Context
from samedream.comparison.matching import halves_of, match
from samedream.comparison.structure.parts import Explained, Needs, children, effective_passages, explain
from samedream.comparison.structure.structure import passing
from samedream.comparison.view import view

CONFIG = ComparisonConfig(keep_per_passage=None, min_passages=5)


def _found(rows, features=3):
    """Rows of (feature, part, r, share, adds); every feature gains."""
    feature, part, r, share, adds = zip(*rows, strict=True)
    numbers = (np.array(column, dtype=np.float64) for column in (r, share, adds))
    one = np.zeros(features)
    return Explained(one, one + 0.1, np.array(feature), np.array(part), *numbers)


def test_the_rule_by_hand():
    here = Needs(np.full(3, 0.4), np.full(3, 100.0))
    there = Needs(np.full(6, 0.5), np.array([60.0, 60.0, 60.0, 60.0, 200.0, 60.0]))
    halves = [(0, 0, 0.3, 0.09, 0.9), (0, 1, 0.35, 0.12, 1.0)]  # together .46, above .4
    assert [side.tolist() for side in children(_found(halves), here, there)] == [[0, 0], [1, 0]]
    for broken in (
        halves[:1],  # one part is no split
        [halves[0], (0, 1, 0.35, 0.12, 0.79)],  # the second shares too much with the first
        [halves[0], (0, 1, 0.19, 0.12, 1.0)],  # its r is below half of the lower bar
        [halves[0], (0, 1, 0.35, 0.06, 1.0)],  # together .39
        [halves[0], (0, 4, 0.35, 0.12, 1.0)],  # ln(100/60) + ln(100/200) < 0: wider than the whole
    ):
        assert children(_found(broken), here, there)[0].size == 0
    no_gain = _found(halves)
    no_gain.many[:] = -0.1
    assert children(no_gain, here, there)[0].size == 0
    assert children(_found(halves), Needs(np.full(3, np.inf), here.spread), there)[0].size == 0


def test_effective_passages_by_hand():
    activity = np.zeros((40, 3), dtype=np.float32)
    activity[:10, 0] = 2.0  # ten alike
    activity[:10, 1] = [9.0] + [1.0] * 9  # 18^2 / 90
    activity[:2, 2] = 1.0  # too rare to be compared
    np.testing.assert_allclose(effective_passages(prepare(activity, "left", CONFIG)), [10.0, 3.6])


def test_held_out_r2_equals_the_regression_as_it_reads():
    rng = np.random.default_rng(3)
    x = (rng.exponential(size=(400, 6)) * (rng.random((400, 6)) < 0.4)).astype(np.float32)
    y = np.stack([x[:, 0] + 0.8 * x[:, 1], x[:, 2], rng.random(400) * (rng.random(400) < 0.3)], axis=1)
    y = (y * rng.lognormal(0, 0.2, size=y.shape)).astype(np.float32)
    blocks = split_blocks(np.arange(400) // 2, 400, 0)
    a, b = prepare(y, "left", CONFIG), prepare(x, "right", CONFIG)
    left, right = halves_of(a, blocks), halves_of(b, blocks)
    there, _ = match(left, right, blocks)
    found = explain(left, right, there, np.full(3, 0.15))
    u, v = a.matrix.toarray().astype(float), b.matrix.toarray().astype(float)
    fit, judge = (half.rows for half in blocks.halves)
    held_out = []
    for one, other in ((fit, judge), (judge, fit)):
        design = v[one][:, [0, 1]] - v[one][:, [0, 1]].mean(axis=0)
        weight = np.linalg.lstsq(design, u[one, 0] - u[one, 0].mean(), rcond=None)[0]
        target = u[other, 0] - u[other, 0].mean()
        rest = target - (v[other][:, [0, 1]] - v[other][:, [0, 1]].mean(axis=0)) @ weight
        held_out.append(1 - rest @ rest / (target @ target))
    assert found.many[0] == pytest.approx(np.mean(held_out), abs=1e-3)
    assert found.many[1] == pytest.approx(found.one[1], abs=1e-6)  # one part is all there is
    assert found.one[0] < found.many[0] - 0.2
    assert {(0, 0), (0, 1), (1, 2)} == set(zip(found.feature.tolist(), found.part.tolist(), strict=True))


@pytest.fixture(scope="module")
def split(planted_splits):
    return planted_splits(3, articles=1200, left=220, right=330, noise=0.5, parents=(20, 10))


def test_planted_splits_are_found(split):
    config = ComparisonConfig(permutations=20, dense=False)
    found = compare(
        split.left, split.right, split.blocks, config, left_floor=split.left_floor, right_floor=split.right_floor
    )
    rows = {(row["side"], row["feature"]): row for row in found.matches.to_pylist()}
    right_parents = every_parent = right_children = every_child = of_truth = children_of_truth = 0
    for side, other in (("a", "b"), ("b", "a")):
        known = {
            parent: {part for part in parts if rows[other, part]["r"] is not None}
            for parent, parts in split.children[side].items()
            if rows[side, parent]["r"] is not None
        }
        known = {parent: parts for parent, parts in known.items() if len(parts) > 1}
        called = {
            row["feature"]: set(row["children"]) for row in rows.values() if row["side"] == side and row["children"]
        }
        right_parents += len(called.keys() & known.keys())
        every_parent, of_truth = every_parent + len(called), of_truth + len(known)
        right_children += sum(len(parts & known.get(parent, set())) for parent, parts in called.items())
        every_child += sum(map(len, called.values()))
        children_of_truth += sum(map(len, known.values()))
        assert not called.keys() & split.single[side].keys()
        assert found.structure[side]["split"] == len(called)
        assert found.structure[side]["split_in_twin"] < len(called)
        assert found.structure[side]["splitting_gain"] > 0
    assert right_parents >= 0.9 * every_parent and right_parents >= 0.8 * of_truth
    assert right_children >= 0.9 * every_child and right_children >= 0.8 * children_of_truth
    shared = [rows["a", i]["assigned"] == j for i, j in split.shared.items() if rows["a", i]["r"] is not None]
    assert np.mean(shared) > 0.9


def test_a_copy_of_a_dictionary_has_no_splits(split):
    order, config = np.random.default_rng(0).permutation(220), ComparisonConfig(permutations=20, dense=False)
    found = compare(split.left, sparse.csr_array(split.left[:, order]), split.blocks, config)
    assert found.structure["a"]["split"] == found.structure["b"]["split"] == 0
    assert found.structure["a"]["split_in_twin"] is None
    rows = [row for row in found.matches.to_pylist() if row["side"] == "a" and row["r"] is not None]
    assert all(order[row["assigned"]] == row["feature"] for row in rows)
    assert found.structure["assigned"] == {
        "pairs": len(rows),
        "mean_r": pytest.approx(1.0),
        "share": {"a": 1.0, "b": 1.0},
    }


def test_what_passes_lies_above_the_bar_and_what_fails_does_not(split):
    sides = {"left": split.left, "right": split.right, "right_floor": split.right_floor, "left_floor": split.left_floor}
    for names in (("left", "right"), tuple(sides)):
        arena = enter({name: sides[name] for name in names}, split.blocks, ComparisonConfig(permutations=20), Context())
        found = view(arena, "left", "right")
        assert 0.2 < found.tested.passes.mean() < 0.95
        assert np.array_equal(found.found.direction.r > passing(found), found.tested.passes)
