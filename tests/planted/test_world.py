import numpy as np
import pytest
from scipy import sparse

from samedream.planted.world import TOPICS, concepts, divide, make_passages, render, tokens


@pytest.fixture(scope="module")
def passages():
    return make_passages(np.random.default_rng(0), 3000)


def test_passages_come_in_articles_of_one_to_six_with_topics(passages):
    assert passages.count == 3000
    sizes = np.bincount(passages.article)
    assert (sizes.min(), sizes.max()) == (1, 6)
    assert np.all(np.diff(passages.article) >= 0)
    assert passages.mix.sum(axis=1) == pytest.approx(1.0)
    assert set(passages.topic) == set(range(TOPICS))
    shares = np.sort(np.bincount(passages.topic))[::-1]
    assert shares[0] > 4 * shares[-1]


def test_concepts_follow_topics_come_back_in_an_article_and_are_rare_or_frequent(passages):
    strength = concepts(np.random.default_rng(1), passages, 300)
    assert strength.shape == (3000, 300)
    assert strength.data.min() > 0
    rate = np.diff(strength.indptr) / 3000
    assert rate.min() < 0.01
    assert rate.max() > 0.1
    present = strength.toarray() > 0
    common = np.flatnonzero(rate > 0.03)
    inside = np.array([present[passages.topic == t][:, common].mean(axis=0) for t in range(TOPICS)])
    assert (inside.max(axis=0) > 1.5 * rate[common]).mean() > 0.8
    same = np.flatnonzero(np.diff(passages.article) == 0)
    again = (present[same] & present[same + 1])[:, common].sum(axis=0) / present[same][:, common].sum(axis=0)
    assert (again > 2 * rate[common]).mean() > 0.9


def test_more_concepts_than_one_block_are_all_made(passages):
    strength = concepts(np.random.default_rng(2), passages, 130)
    assert strength.shape == (3000, 130)
    assert np.diff(strength.indptr)[128:].sum() > 0
    assert concepts(np.random.default_rng(2), passages, 0).shape == (3000, 0)


def test_tokens_keep_to_no_topic(passages):
    present = tokens(np.random.default_rng(3), passages, 20).toarray() > 0
    rate = present.mean(axis=0)
    assert rate.min() > 0.05
    largest = passages.topic == np.bincount(passages.topic).argmax()
    assert present[largest].mean(axis=0) == pytest.approx(rate, abs=0.06)


def test_a_divided_concept_is_the_sum_of_its_pieces(passages):
    parent = concepts(np.random.default_rng(4), passages, 1)
    pieces = divide(np.random.default_rng(5), passages, parent, 3)
    assert np.asarray(pieces.sum(axis=1)).ravel() == pytest.approx(parent.toarray()[:, 0])
    where = pieces.toarray() > 0
    assert where.sum(axis=1).max() == 1
    for article in np.unique(passages.article[where.any(axis=1)]):
        assert where[passages.article == article].any(axis=0).sum() == 1  # an article keeps to one piece


def test_a_feature_shows_its_concept_with_gain_noise_misses_and_alarms(passages):
    strength = concepts(np.random.default_rng(6), passages, 200)
    shown = render(np.random.default_rng(7), strength)
    assert shown.dtype == np.float32
    assert shown.data.min() > 0
    there, seen = strength.toarray() > 0, shown.toarray() > 0
    missed = (there & ~seen).sum() / there.sum()
    false = (seen & ~there).sum() / (~there).sum()
    assert 0.1 < missed < 0.5
    assert 0.002 < false < 0.05
    gains = np.array([np.median(column[column > 0]) for column in shown.toarray().T if (column > 0).sum() > 20])
    assert gains.max() > 20 * gains.min()
    again = render(np.random.default_rng(7), strength)
    assert (again != shown).nnz == 0


def test_render_of_nothing_is_alarms_only(passages):
    shown = render(np.random.default_rng(8), sparse.csc_array((3000, 5)))
    assert shown.shape == (3000, 5)
    assert shown.nnz < 0.1 * 3000 * 5
