import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import Ridge

from samedream.comparison.blocks import split_blocks
from samedream.comparison.dense.calibration import shuffles
from samedream.comparison.dense.grams import Components, Gram, of_states
from samedream.comparison.dense.subspaces import held_out


def _pair(n=600, seed=0, d=25):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 8)) * np.geomspace(4, 1, 8)
    x = common @ rng.normal(size=(8, d)) + rng.normal(size=(n, d)) * 3 + 5
    y = common @ rng.normal(size=(8, d + 5)) + rng.normal(size=(n, d + 5)) * 3
    return x.astype(np.float32), y.astype(np.float32)


@pytest.fixture(scope="module")
def setting():
    blocks = split_blocks(np.repeat(np.arange(300), 2), 600, 0)
    left, right = (of_states(states, blocks) for states in _pair())
    orders = shuffles(blocks, 6, 0)
    return blocks, left, right, orders, held_out(left, right, blocks, orders)


def _procrustes(a, b):
    rotation, _ = orthogonal_procrustes(a.train, b.train)
    moved = a.test @ rotation
    return (moved * b.test).sum() / np.linalg.norm(moved) / np.linalg.norm(b.test)


def _ridge(a, b):
    """Penalty by generalised cross-validation with explicit hat matrices, fit by scikit-learn."""
    n, best = len(a.train), None
    for share in np.logspace(-6, 1, 15):
        penalty = share * (a.train**2).sum(axis=0).max()
        hat = a.train @ np.linalg.solve(a.train.T @ a.train + penalty * np.eye(a.train.shape[1]), a.train.T)
        score = ((b.train - hat @ b.train) ** 2).sum() / (n - 1 - np.trace(hat)) ** 2
        best = min(best or (score, penalty), (score, penalty))
    model = Ridge(alpha=best[1], fit_intercept=False).fit(a.train, b.train)
    return 1 - ((b.test - model.predict(a.test)) ** 2).sum() / (b.test**2).sum()


def _mean(figure, left, right):
    return np.mean([figure(a, b) for a, b in zip(left.folds, right.folds, strict=True)])


def _truncated(gram, count):
    folds = [Components(train=f.train[:, :count], test=f.test[:, :count], kept=f.kept) for f in gram.folds]
    return Gram(cosine=gram.cosine, norm=gram.norm, folds=tuple(folds))


def _rows(gram, change):
    return Gram(
        cosine=gram.cosine,
        norm=gram.norm,
        folds=tuple(Components(*change(number, fold), kept=fold.kept) for number, fold in enumerate(gram.folds)),
    )


def test_procrustes_and_ridge_against_references(setting):
    _, left, right, _, found = setting
    same = min(left.folds[0].train.shape[1], right.folds[0].train.shape[1])
    expected = _mean(_procrustes, _truncated(left, same), _truncated(right, same))
    assert found["procrustes"].figure.value == pytest.approx(expected)
    assert found["ridge_a_to_b"].figure.value == pytest.approx(_mean(_ridge, left, right))
    assert found["ridge_b_to_a"].figure.value == pytest.approx(_mean(_ridge, right, left))
    assert 0.2 < found["ridge_a_to_b"].figure.value < found["procrustes"].figure.value < 0.9


def test_cca_against_scikit_learn():
    blocks = split_blocks(np.arange(400), 400, 0)
    x, y = _pair(n=400, d=3, seed=4)
    left, right = of_states(x, blocks), of_states(y[:, :3], blocks)
    found = held_out(left, right, blocks, [])["cca"].figure.value

    def expected(a, b):
        model = CCA(3, scale=False, max_iter=5000, tol=1e-12).fit(a.train, b.train)
        u, v = model.transform(a.test, b.test)
        return np.mean((u * v).sum(axis=0) / np.sqrt((u * u).sum(axis=0) * (v * v).sum(axis=0)))

    assert found == pytest.approx(_mean(expected, left, right), abs=1e-4)


@pytest.mark.parametrize("name", ["procrustes", "cca", "ridge_a_to_b", "ridge_b_to_a"])
def test_the_null_is_the_figure_on_shuffled_passages(setting, name):
    blocks, left, right, orders, found = setting
    for number, order in enumerate(orders[:3]):

        def moved(fold, part, order=order):
            place = {row: i for half in blocks.halves for i, row in enumerate(half.rows)}
            train, test = blocks.halves[fold].rows, blocks.halves[1 - fold].rows
            return part.train[[place[r] for r in order[train]]], part.test[[place[r] for r in order[test]]]

        again = held_out(left, _rows(right, moved), blocks, [])[name].figure.value
        assert found[name].null[number] == pytest.approx(again)
    assert found[name].null.max() < 0.3 < found[name].figure.value


@pytest.mark.parametrize("name", ["procrustes", "cca", "ridge_a_to_b", "ridge_b_to_a"])
def test_leaving_a_group_out_leaves_it_out_of_the_scored_half(setting, name):
    blocks, left, right, _, found = setting
    group = blocks.group
    for number in (3, 40):

        def silenced(fold, part, number=number):
            """All measures are about sums over the test half: rows of 0 add nothing."""
            test = blocks.halves[1 - fold].rows
            return part.train, part.test * (group[test] != number)[:, None]

        again = held_out(_rows(left, silenced), _rows(right, silenced), blocks, [])[name].figure.value
        assert found[name].figure.without[number] == pytest.approx(again)
        assert again != pytest.approx(found[name].figure.value, abs=1e-9)
