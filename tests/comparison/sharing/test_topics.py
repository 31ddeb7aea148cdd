import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from samedream.comparison.blocks import split_blocks
from samedream.comparison.correlation import side
from samedream.comparison.estimates import Direction
from samedream.comparison.matching import match
from samedream.comparison.nulls import calibrated
from samedream.comparison.sharing import topics
from samedream.comparison.sharing.topics import (
    Shares,
    by_part,
    concentration,
    gini,
    left_out,
    lift,
    mass,
    mean_of,
    parts,
    shares,
)


def test_gini_by_hand():
    assert gini(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == pytest.approx(0.0)
    assert gini(np.array([0.5, 0.5]), np.array([0.25, 0.75])) == pytest.approx(0.25)
    assert gini(np.array([1.0, 0.0, 0.0]), np.array([0.1, 0.9, 0.0])) == pytest.approx(0.9)


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=1, max_size=8), st.randoms())
@settings(max_examples=50, deadline=None)
def test_gini_is_between_0_and_1_and_blind_to_order(pairs, random):
    def of(rows):
        share, population = np.array(rows).T
        return gini(share / share.sum(), population / population.sum())

    shuffled = pairs.copy()
    random.shuffle(shuffled)
    assert -1e-9 <= of(pairs) < 1
    assert of(shuffled) == pytest.approx(of(pairs), abs=1e-9)


def test_mass_and_lift_by_hand():
    matrix = sparse.csr_array(np.array([[1.0, 0, 5], [3, 0, 5], [0, 2, 0], [0, 2, 0]], dtype=np.float32))
    found = mass(matrix, np.array([True, True, False]))
    assert found == pytest.approx([0.25, 0.75, 0.5, 0.5])
    corpus = Shares(np.array([0.25, 0.75]), np.array([[0.2, 0.8], [0.3, 0.7]]))
    matched = Shares(np.array([0.5, 0.5]), np.array([[0.5, 0.5], [0.6, 0.4]]))
    figure = lift(matched, corpus, 0, (1, 1))
    assert figure.value == pytest.approx(2.0)
    assert figure.without == pytest.approx([2.5, 2.0])
    assert lift(matched, Shares(np.array([0.0, 1.0]), np.array([[0.0, 1.0]] * 2)), 0, (1, 1)) is None
    assert concentration(matched, corpus, (1, 1)).value == pytest.approx(0.25)


def test_shares_are_those_of_the_passages_that_stay():
    rng = np.random.default_rng(2)
    article = np.repeat(np.arange(60), rng.integers(1, 4, size=60))
    blocks = split_blocks(article, article.size, 0)
    part, weight = rng.integers(0, 3, size=article.size), rng.random(article.size)
    found = shares(weight, part, blocks)
    assert found.value == pytest.approx([weight[part == k].sum() / weight.sum() for k in range(3)])
    half = blocks.halves[1]
    kept = np.ones(article.size, dtype=bool)
    kept[half.rows[half.groups == 4]] = False
    expected = [weight[kept & (part == k)].sum() / weight[kept].sum() for k in range(3)]
    assert found.without[25 + 4] == pytest.approx(expected)
    assert shares(np.zeros(article.size), part, blocks) is None


def test_small_topics_go_with_the_rest():
    article = np.arange(100)
    topic = np.repeat([0, 1, 2, -1], [20, 60, 9, 11])
    part, names = parts(topic, ("small", "large", "tiny"), split_blocks(article, 100, 0))
    assert names == ("large", "small", "(other)")
    assert np.bincount(part).tolist() == [60, 20, 20]
    _, names = parts(np.repeat([0, 1], 50), ("b", "a"), split_blocks(article, 100, 0))
    assert names == ("b", "a")


def test_many_passages_of_one_article_do_not_make_a_topic():
    article = np.concatenate([np.arange(90), np.full(20, 90)])
    _, names = parts(np.repeat([0, 1], [90, 20]), ("many", "one article"), split_blocks(article, 110, 0))
    assert names == ("many", "(other)")


def test_u_without_a_part_is_what_is_measured_without_its_passages(monkeypatch):
    rng = np.random.default_rng(5)
    article = np.repeat(np.arange(120), 2)
    blocks = split_blocks(article, 240, 0)
    common = (rng.random((240, 6)) < 0.3) * rng.random((240, 6))
    common[:120, 5] = 0.0  # silent outside part 1
    left, right = (common + 0.2 * (rng.random((240, 6)) < 0.2) * (common > 0) for _ in range(2))
    part = np.repeat([0, 1], 120)
    x, y = (
        tuple(side(sparse.csr_array(m[half.rows].astype(np.float32))) for half in blocks.halves) for m in (left, right)
    )
    matching, _ = match(x, y, blocks)
    tau = np.full(6, 0.1)

    def reference(kept):
        r = np.zeros(6)
        for h, half in enumerate(blocks.halves):
            rows = half.rows[kept[half.rows]]
            for i, j in enumerate(matching.chosen[1 - h]):
                a, b = left[rows, i], right[rows, j]
                r[i] += np.corrcoef(a, b)[0, 1] / 2 if a.any() and b.any() else 0.0
        return calibrated(r, tau).mean()

    found = left_out(x, y, matching, part=part, blocks=blocks, threshold=tau)
    for k in (0, 1):
        assert found[k].value == pytest.approx(reference(part != k), abs=1e-6)
        for group in (7, 25 + 7):
            half = blocks.halves[group // 25]
            kept = part != k
            kept[half.rows[half.groups == group % 25]] = False
            assert found[k].without[group] == pytest.approx(reference(kept), abs=1e-6)
    monkeypatch.setattr(topics, "PANEL_BYTES", 4 * 8 * 5 * 2 * 50 * 4)  # four features at a time
    again = left_out(x, y, matching, part=part, blocks=blocks, threshold=tau)
    assert [figure.value for figure in again] == pytest.approx([figure.value for figure in found])


def test_u_of_a_topic_is_weighted_with_the_activity_there():
    matrix = sparse.csr_array(np.array([[1.0, 0], [1, 0], [0, 3], [2, 1]], dtype=np.float32))
    direction = Direction(
        r=np.array([1.0, 0.5]),
        without=np.array([[1.0, 0.5], [1.0, 0.0]]),
        threshold=np.zeros(2),
        chance=np.zeros(2),
        halves=(1, 1),
    )
    figures = by_part(direction, matrix, np.array([0, 0, 2, 2]))
    assert figures[0].value == pytest.approx(1.0)
    assert figures[1] is None
    assert figures[2].value == pytest.approx((0.5 * 1 + 1.0 * 0.5) / 1.5)
    assert figures[2].without == pytest.approx([figures[2].value, 0.5 / 1.5])
    assert mean_of([figures[0], figures[2]]).value == pytest.approx((1 + 2 / 3) / 2)
