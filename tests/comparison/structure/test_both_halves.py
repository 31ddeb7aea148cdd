import numpy as np
import pytest

from samedream.comparison.activity import prepare
from samedream.comparison.blocks import split_blocks
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.correlation import correlate
from samedream.comparison.matching import halves_of, match
from samedream.comparison.nulls import Drawn, summarise
from samedream.comparison.structure.both_halves import Joined, join, nearest_on_both, of_both_halves

CONFIG = ComparisonConfig(keep_per_passage=None, min_passages=5)


def _joined(rows):
    """Rows of (feature, part, r, share, adds, p)."""
    feature, part, r, share, adds, p = zip(*rows, strict=True)
    return Joined(np.array(feature), np.array(part), *(np.array(column) for column in (r, share, adds, p)))


def test_the_rule_by_hand():
    bars = np.full(3, 0.4), np.full(6, 0.3)
    best = np.zeros(6, dtype=np.int64)  # feature 0 is the best partner of all but 5
    best[5] = 2
    halves = [(0, 0, 0.3, 0.09, 0.9, 0.01), (0, 1, 0.35, 0.12, 1.0, 0.08)]  # together .46, above .4
    assert [side.tolist() for side in of_both_halves(_joined(halves), best, bars)] == [[0, 0], [1, 0]]
    for broken in (
        halves[:1],  # one part is no split
        [halves[0], (0, 1, 0.35, 0.12, 0.79, 0.08)],  # the second shares too much with the first
        [halves[0], (0, 1, 0.29, 0.12, 1.0, 0.08)],  # its r is below the lower bar
        [halves[0], (0, 1, 0.35, 0.06, 1.0, 0.08)],  # together .39
        [halves[0], (0, 5, 0.35, 0.12, 1.0, 0.08)],  # more like feature 2 than like its whole
        [halves[0], (0, 1, 0.35, 0.12, 1.0, 0.21)],  # chance gives as much in 21 of 100 features
    ):
        assert of_both_halves(_joined(broken), best, bars)[0].size == 0
    assert of_both_halves(_joined(halves), best, (np.full(3, np.inf), bars[1]))[0].size == 0
    more = [*halves, (0, 2, 0.39, 0.15, 0.5, 0.01), (0, 3, 0.2, 0.03, 1.0, 0.08)]
    assert of_both_halves(_joined(more), best, bars)[1].tolist() == [
        1,
        0,
        3,
    ]  # 2 adds little, 3 is weak but a third


def test_the_more_features_have_a_first_part_the_surer_the_second_must_be():
    two = [(0, 0, 0.5, 0.2, 1.0, 0.001), (0, 1, 0.4, 0.1, 1.0, 0.08)]
    singles = [(k, k + 1, 0.5, 0.2, 1.0, 0.001) for k in range(1, 4)]
    best, bars = np.array([0, 0, 1, 2, 3]), (np.full(4, 0.3), np.full(5, 0.3))
    assert of_both_halves(_joined([*two, singles[0]]), best, bars)[0].size == 2  # .08 of 2 features: q .16
    assert of_both_halves(_joined([*two, *singles]), best, bars)[0].size == 0  # of 4: q .32


def _two_sides(x, y):
    blocks = split_blocks(np.arange(len(x)) // 2, len(x), 0)
    a, b = prepare(x, "left", CONFIG), prepare(y, "right", CONFIG)
    left, right = halves_of(a, blocks), halves_of(b, blocks)
    return left, right, *match(left, right, blocks)


def _null(features, largest):
    """Shuffled articles never give an r above `largest`."""
    stratum, of = np.zeros(features, dtype=np.int64), np.linspace(0, largest, 100)
    return summarise(stratum, Drawn(np.zeros(100, dtype=np.int64), of, of, of), n_strata=1)


def test_both_halves_together_name_the_nearest():
    rng = np.random.default_rng(5)
    x, y = (rng.random((300, features)) * (rng.random((300, features)) < 0.3) for features in (4, 50))
    left, right, there, back = _two_sides(x.astype(np.float32), y.astype(np.float32))
    r = sum(correlate(left[h], right[h], slice(None)) for h in (0, 1)) / 2
    found = nearest_on_both(left, right, there.candidates)
    assert found.partner.shape == (4, 32)
    assert all(np.unique(row).size == 32 for row in found.partner)
    np.testing.assert_allclose(found.r, np.take_along_axis(r, found.partner, axis=1), atol=1e-6)
    assert (np.diff(found.r, axis=1) <= 0).all() and np.array_equal(found.best, r.argmax(axis=1))
    np.testing.assert_allclose(nearest_on_both(right, left, back.candidates).r, -np.sort(-r.T, axis=1), atol=1e-6)


def test_a_part_too_rare_to_be_chosen_twice_is_found_on_both_halves_together():
    # of 40 passages of the whole 30 are one part's; of the other's 10, 8 are in the first half and 2 in the second
    rng = np.random.default_rng(6)
    x, y = np.zeros((600, 3), dtype=np.float32), (rng.random((600, 60)) < 0.02).astype(np.float32)
    first, second = (half.rows for half in split_blocks(np.arange(600) // 2, 600, 0).halves)
    whole = np.concatenate([first[:23], second[:17]])
    small = np.concatenate([first[15:23], second[15:17]])
    x[whole, 0] = 1
    x[rng.integers(600, size=60), rng.integers(1, 3, size=60)] = 1
    y[:, :2] = 0
    y[np.setdiff1d(whole, small), 0] = 1
    y[small, 1] = 1
    y[rng.integers(600, size=12), 1] = 1
    left, right, there, back = _two_sides(x, y)
    near = nearest_on_both(left, right, there.candidates)
    joined = join(right, near, _null(3, 0.25))
    best = nearest_on_both(right, left, back.candidates).best
    feature, part = of_both_halves(joined, best, (np.full(3, 0.3), np.full(60, 0.3)))
    assert feature.tolist() == [0, 0] and part.tolist() == [0, 1]
    # least squares of all that joined
    mine = joined.feature == 0
    r = sum(correlate(left[h], right[h], slice(None)) for h in (0, 1)) / 2
    inside = sum(correlate(right[h], right[h], slice(None)) for h in (0, 1)) / 2
    parts = joined.part[mine]
    weight = np.linalg.solve(inside[np.ix_(parts, parts)], r[0, parts])
    np.testing.assert_allclose(joined.r[mine], r[0, parts], atol=1e-6)
    np.testing.assert_allclose(joined.adds[mine], weight / r[0, parts], atol=1e-4)
    np.testing.assert_allclose(joined.share[mine], weight * (2 * r[0, parts] - weight), atol=1e-4)


@pytest.mark.parametrize("overlap", [0.0, 0.15])
def test_noisy_planted_splits_are_found_and_shuffled_articles_have_none(planted_splits, overlap):
    # as much noise as real repeats show; a part of every seventh occurrence in two parts at once
    pair = planted_splits(11, articles=1500, left=200, right=330, overlap=overlap, parents=(30, 0))
    config = ComparisonConfig(permutations=20, dense=False)
    twins = {"left_floor": pair.left_floor, "right_floor": pair.right_floor}
    found = compare(pair.left, pair.right, pair.blocks, config, **twins)
    rows = {(row["side"], row["feature"]): row for row in found.matches.to_pylist()}
    known = {
        parent: {part for part in parts if rows["b", part]["r"] is not None}
        for parent, parts in pair.children["a"].items()
        if rows["a", parent]["r"] is not None
    }
    known = {parent: parts for parent, parts in known.items() if len(parts) > 1}
    called = {feature for (side, feature), row in rows.items() if side == "a" and row["children"]}
    assert len(called & known.keys()) >= 0.8 * len(called)
    assert len(called & known.keys()) >= 0.8 * len(known)
    without = compare(pair.left, pair.right, pair.blocks, config)
    assert 0 < without.structure["a"]["split"] < len(called)  # only what is found twice
    assert len(called & pair.shared.keys()) <= 0.05 * len(pair.shared)
    _, article = np.unique(pair.blocks, return_inverse=True)
    order = np.random.default_rng(0).permutation(article.max() + 1)
    moved = np.concatenate([np.flatnonzero(article == number) for number in order])
    nothing = compare(pair.left, pair.right[moved], pair.blocks, config, **twins)
    assert nothing.structure["a"]["split"] == nothing.structure["b"]["split"] == 0
