import numpy as np
import pytest
from scipy import sparse

from samedream.comparison.blocks import split_blocks
from samedream.comparison.correlation import side
from samedream.comparison.matching import match
from samedream.comparison.sharing import words as of_words
from samedream.comparison.sharing.words import best_words, pair_words, vocabulary, without_words


def _sides(blocks, *matrices):
    return [
        tuple(side(sparse.csr_array(matrix[half.rows].astype(np.float32))) for half in blocks.halves)
        for matrix in matrices
    ]


@pytest.fixture
def drawn():
    rng = np.random.default_rng(1)
    article = np.repeat(np.arange(150), 2)
    blocks = split_blocks(article, 300, 0)
    words = (rng.random((300, 12)) < 0.3).astype(float)
    left = (rng.random((300, 7)) < 0.4) * rng.random((300, 7)) + 0.5 * words[:, :7]
    right = (rng.random((300, 9)) < 0.4) * rng.random((300, 9)) + 0.5 * words[:, 3:]
    return blocks, left, right, words


def _residual(v, words, chosen, rows):
    design = np.column_stack([np.ones(rows.size), words[rows][:, np.unique(chosen)]])
    return v[rows] - design @ np.linalg.lstsq(design, v[rows], rcond=None)[0]


def test_partial_correlation_is_that_of_residuals(drawn):
    """Words and partner chosen on one half; least squares with an intercept, and r of the residuals, on the other."""
    blocks, left, right, words = drawn
    x, y, w = _sides(blocks, left, right, words)
    matching, _ = match(x, y, blocks)
    lists = pair_words(matching, best_words(x, w), best_words(y, w))
    assert [part.shape for part in lists] == [(7, 10), (7, 10)]
    found = without_words(x, y, matching, words=vocabulary(w), lists=lists, blocks=blocks)
    assert found.without.shape == (50, 7)
    for i in range(7):
        pairs = []
        for h, half in ((0, blocks.halves[1]), (1, blocks.halves[0])):
            j, chosen = matching.chosen[h][i], lists[h][i]
            pairs.append([_residual(v, words, chosen, half.rows) for v in (left[:, i], right[:, j])])
        r = [np.corrcoef(*pair)[0, 1] for pair in pairs]
        assert found.r[i] == pytest.approx(np.mean(r), abs=1e-5)
        kept = blocks.halves[1].groups != 3  # a group of half 2: what was chosen on half 1 is scored without it
        less = np.corrcoef(pairs[0][0][kept], pairs[0][1][kept])[0, 1]
        assert found.without[25 + 3, i] == pytest.approx((less + r[1]) / 2, abs=1e-5)


def test_panels_change_nothing(drawn, monkeypatch):
    blocks, left, right, words = drawn
    x, y, w = _sides(blocks, left, right, words)
    matching, _ = match(x, y, blocks)
    lists = pair_words(matching, best_words(x, w), best_words(y, w))
    whole = without_words(x, y, matching, words=vocabulary(w), lists=lists, blocks=blocks)
    monkeypatch.setattr(of_words, "PANEL_BYTES", 4 * 12 * 2)  # two features at a time
    again = without_words(x, y, matching, words=vocabulary(w), lists=lists, blocks=blocks)
    assert np.allclose(again.r, whole.r)
    assert np.allclose(again.without, whole.without)


def test_one_word_taken_out_gives_the_textbook_formula():
    """Both halves alike: r_xy.w = (r_xy - r_xw r_yw) / sqrt((1 - r_xw^2)(1 - r_yw^2))."""
    rng = np.random.default_rng(3)
    article = np.arange(80)
    blocks = split_blocks(article, 80, 0)
    x, y, w = np.zeros(80), np.zeros(80), np.zeros(80)
    word = (rng.random(40) < 0.5).astype(float)
    for half in blocks.halves:
        w[half.rows] = word
    x_half, y_half = rng.random(40) + word, rng.random(40) + 2 * word
    for half in blocks.halves:
        x[half.rows], y[half.rows] = x_half, y_half
    sides = _sides(blocks, x[:, None], y[:, None], w[:, None])
    matching, _ = match(sides[0], sides[1], blocks)
    zero = np.zeros((1, 1), dtype=np.int64)
    found = without_words(sides[0], sides[1], matching, words=vocabulary(sides[2]), lists=(zero, zero), blocks=blocks)
    xy, xw, yw = (np.corrcoef(*pair)[0, 1] for pair in ((x, y), (x, w), (y, w)))
    assert found.r[0] == pytest.approx((xy - xw * yw) / np.sqrt((1 - xw**2) * (1 - yw**2)), abs=1e-4)


def test_a_feature_that_is_its_word_leaves_nothing():
    rng = np.random.default_rng(4)
    blocks = split_blocks(np.arange(100), 100, 0)
    words = (rng.random((100, 3)) < 0.4).astype(float)
    x, y, w = _sides(blocks, 0.3 * words[:, :1], 5 * words[:, :1], words)
    matching, _ = match(x, y, blocks)
    lists = pair_words(matching, best_words(x, w), best_words(y, w))
    assert matching.r[0] == pytest.approx(1.0)
    assert without_words(x, y, matching, words=vocabulary(w), lists=lists, blocks=blocks).r[0] == 0.0


def test_the_best_words_are_those_of_highest_correlation(drawn):
    blocks, left, _, words = drawn
    x, w = _sides(blocks, left, words)
    for half, best in zip(blocks.halves, best_words(x, w), strict=True):
        r = np.corrcoef(left[half.rows].T, words[half.rows].T)[:7, 7:]
        assert [set(row) for row in best] == [set(np.argsort(-row)[:5]) for row in r]


def test_words_chosen_by_chance_do_not_make_strangers_alike():
    """Rare words that two unrelated features happen to fire on must not raise r where they are taken out."""
    rng = np.random.default_rng(6)
    blocks = split_blocks(np.arange(400), 400, 0)
    left, right = ((rng.random((400, 40)) < 0.05) * rng.random((400, 40)) for _ in range(2))
    words = (rng.random((400, 300)) < 0.02).astype(float)
    x, y, w = _sides(blocks, left, right, words)
    matching, _ = match(x, y, blocks)
    lists = pair_words(matching, best_words(x, w), best_words(y, w))
    found = without_words(x, y, matching, words=vocabulary(w), lists=lists, blocks=blocks)
    assert abs(found.r.mean() - matching.r.mean()) < 0.02
