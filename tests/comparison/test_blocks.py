import numpy as np
import pytest

from samedream.comparison.blocks import split_blocks, within
from samedream.errors import ComparisonError


def _sizes(rng, articles=120):
    return np.repeat(np.arange(articles), rng.choice([1, 2, 3, 7], size=articles, p=[0.5, 0.3, 0.15, 0.05]))


def test_halves_and_groups_are_balanced_and_never_cut_an_article():
    article = _sizes(np.random.default_rng(3))
    blocks = split_blocks(article, article.size, 0)
    first, second = blocks.halves
    assert np.array_equal(np.sort(np.concatenate([first.rows, second.rows])), np.arange(article.size))
    assert abs(first.rows.size - second.rows.size) <= 1
    assert not set(article[first.rows]) & set(article[second.rows])
    for half in blocks.halves:
        assert half.n_groups == 25
        sizes = np.bincount(half.groups, minlength=25)
        assert sizes.min() >= 1
        assert sizes.max() - sizes.min() <= 7
        for one in set(article[half.rows]):
            assert len(set(half.groups[article[half.rows] == one])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffle_moves_whole_articles_within_their_half(seed):
    article = _sizes(np.random.default_rng(seed))
    half = split_blocks(article, article.size, seed).halves[0]
    own = article[half.rows]
    shuffle = half.shuffle(np.random.default_rng(seed))
    assert np.array_equal(np.sort(shuffle), np.arange(own.size))
    for blocks in half.exchanged:  # an exchanged article is met by one whole article of its own size, in order
        for block in blocks:
            met = shuffle[block]
            assert len(set(own[met])) == 1
            assert np.array_equal(met, np.flatnonzero(own == own[met[0]]))
    if half.laid_out:
        (line,) = half.laid_out
        assert sum(len(block) for block in line) + sum(b.size for b in half.exchanged) == own.size
        assert len(line) >= 10


def test_equal_sizes_are_all_exchanged():
    article = np.repeat(np.arange(60), 2)
    half = split_blocks(article, 120, 0).halves[1]
    assert half.laid_out == ()
    assert [blocks.shape for blocks in half.exchanged] == [(30, 2)]


def test_every_partner_is_equally_likely():
    half = split_blocks(np.arange(40), 40, 0).halves[0]
    counts = np.zeros((20, 20))
    for seed in range(2000):
        counts[np.arange(20), half.shuffle(np.random.default_rng(seed))] += 1
    assert counts.min() > 60  # 100 expected, standard deviation 10
    assert counts.max() < 145


def test_the_split_follows_the_seed_and_not_the_names():
    numbers = np.repeat(np.arange(100, 150), 2)
    words = np.array([f"en:{number % 7}{number}" for number in numbers], dtype=object)  # in another order
    same, again, other = (split_blocks(*given) for given in ((numbers, 100, 1), (words, 100, 1), (numbers, 100, 2)))
    assert np.array_equal(same.halves[0].rows, again.halves[0].rows)
    assert not np.array_equal(same.halves[0].rows, other.halves[0].rows)


def test_whole_numbers_and_strings_of_any_kind_are_names():
    numbers = np.repeat(np.arange(100, 150), 2)
    plain = split_blocks(numbers, 100, 1)
    objects = np.array([int(number) for number in numbers], dtype=object)
    texts = [np.array([str(number) for number in numbers], dtype=kind) for kind in (object, np.str_, np.bytes_)]
    if hasattr(np.dtypes, "StringDType"):
        texts.append(texts[0].astype(np.dtypes.StringDType()))
    for names in (objects, list(objects), numbers.astype(np.uint8), *texts):
        assert np.array_equal(split_blocks(names, 100, 1).code, plain.code)


@pytest.mark.parametrize(
    ("blocks", "passages", "message"),
    [
        (
            np.zeros(50, dtype=int),
            50,
            "all 50 passages are from one article; chance is measured by shuffling articles, "
            "so at least 20 are needed: cannot tell",
        ),
        (
            np.arange(38) // 2,
            38,
            "the passages are from 19 articles, at least 20 are needed to measure chance: cannot "
            "tell. Use a corpus of more articles",
        ),
        (
            np.minimum(np.arange(60), 30),
            60,
            "one article holds 30 of the 60 passages; no article may hold more than a "
            "quarter, or chance cannot be measured: cannot tell",
        ),
        (np.arange(9), 10, "blocks has shape (9,), expected (10,): the article of each passage"),
        (
            np.full(10, np.nan),
            10,
            "blocks are float64 values, expected whole numbers or strings: the article of each passage",
        ),
        ([None] * 10, 10, "blocks are NoneType values, expected whole numbers or strings: the article of each passage"),
        (
            ["a", None, "b", 3.5],
            4,
            "blocks are NoneType and float and str values, expected whole numbers or strings: the article of each "
            "passage",
        ),
    ],
)
def test_too_few_or_wrong_articles(blocks, passages, message):
    with pytest.raises(ComparisonError) as error:
        split_blocks(blocks, passages, 0)
    assert str(error.value) == message


def _topics(article, rng, topics=4):
    return rng.choice(topics, size=article.max() + 1, p=[0.5, 0.3, 0.18, 0.02])[article]


@pytest.mark.parametrize("seed", range(5))
def test_shuffles_within_strata_stay_there_and_move(seed):
    rng = np.random.default_rng(seed)
    article = _sizes(rng, 300)
    topic = _topics(article, rng)
    blocks = split_blocks(article, article.size, seed)
    for half, inside in zip(blocks.halves, within(blocks, topic).halves, strict=True):
        assert np.array_equal(half.rows, inside.rows)
        assert np.array_equal(half.groups, inside.groups)
        shuffle = inside.shuffle(np.random.default_rng(seed))
        own, member = article[half.rows], topic[half.rows]
        assert np.array_equal(np.sort(shuffle), np.arange(own.size))
        same = member[shuffle] == member
        small = [t for t in range(4) if np.unique(own[member == t]).size < 10]
        assert 3 in small
        assert same[~np.isin(member, [*small, 2])].all()  # 2, the smallest of the others, may be pooled with them
        assert (shuffle != np.arange(own.size)).mean() > 0.8
        for lot in inside.exchanged:
            for block in lot:
                assert len(set(own[shuffle[block]])) == 1


def test_one_stratum_changes_nothing():
    article = _sizes(np.random.default_rng(9))
    blocks = split_blocks(article, article.size, 0)
    again = within(blocks, np.zeros(article.size, dtype=np.int64))
    for half, inside in zip(blocks.halves, again.halves, strict=True):
        one, two = (each.shuffle(np.random.default_rng(1)) for each in (half, inside))
        assert np.array_equal(np.sort(one), np.sort(two))
        assert len(half.exchanged) == len(inside.exchanged)


def test_strata_too_small_to_exchange_are_pooled():
    article = np.arange(80)
    topic = np.repeat([0, 1, 2], [60, 12, 8])  # about 30, 6 and 4 in a half: 1 and 2 are one stratum
    for half in within(split_blocks(article, 80, 0), topic).halves:
        assert len(half.exchanged) == 2 or half.rows[topic[half.rows] > 0].size < 10
        met = topic[half.rows][half.shuffle(np.random.default_rng(0))]
        if len(half.exchanged) == 2:
            assert np.array_equal(met == 0, topic[half.rows] == 0)
