"""Is there agreement beyond topic? Null N2 of protocol 3.4: articles change places only within their topic.

Every match has a null of its own: its feature chooses among all of the other side on passages shuffled within topics,
and is scored as always. What that leaves is how much two features agree that merely follow the same topic. It differs
from feature to feature, so each is compared with the mean of its own null scores; the spread about these means is
pooled by firing rate, which makes 25 shuffles enough for small p-values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from samedream.comparison.blocks import Blocks
from samedream.comparison.estimates import Direction, Sampled, lowest_passing, soft_pass
from samedream.comparison.matching import Halves
from samedream.comparison.nulls import QUANTILE, rank_p, shuffled_scores
from samedream.progress import step

MAX_TESTED = 1024  # matches, drawn at random where there are more: as much work as the null itself
MIN_SHUFFLES = 20
_AT_ONCE = 256
_POOL = 1000  # null scores; a thinner stratum takes those of all

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TopicNull:
    """Some matches and what shuffling within topics leaves of them.

    Attributes:
        tested: The matches, int64 ``[tested]``, sorted.
        expected: Mean null score of each: the r that topic alone gives, float64 ``[tested]``.
        spread: The sorted null scores about their own means, by stratum.
        stratum: Of each match.
    """

    tested: Index
    expected: Floats
    spread: tuple[Floats, ...]
    stratum: Index


def topic_null(
    left: Halves, right: Halves, within: Blocks, *, matched: Index, stratum: Index, permutations: int, seed: int
) -> TopicNull:
    """Shuffle within topics.

    Args:
        left: The side whose features look for partners.
        right: The side that has them.
        within: Blocks that change places within topics only (`blocks.within`).
        matched: The features to test, int64; of more than 1,024 so many are drawn.
        stratum: Firing-rate stratum of every left feature.
        permutations: How many shuffles; at least 2.
        seed: Of the shuffles.
    """
    if matched.size > MAX_TESTED:
        matched = np.sort(np.random.default_rng([seed, 3]).choice(matched, MAX_TESTED, replace=False))
    scores = np.empty((permutations, matched.size))
    with step("comparison: shuffling articles within topics", permutations, "shuffles") as progress:
        for permutation in range(permutations):
            rng = np.random.default_rng([seed, 3, permutation])
            shuffles = [half.shuffle(rng) for half in within.halves]
            for start in range(0, matched.size, _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                scores[permutation, some] = shuffled_scores(left, right, matched[some], shuffles=shuffles)[0]
            progress.advance()
    return summarise(matched, scores, stratum[matched])


def summarise(tested: Index, scores: Floats, stratum: Index) -> TopicNull:
    """Means and pooled spread of null scores.

    Args:
        tested: The matches.
        scores: Their null scores ``[permutations, tested]``.
        stratum: Of each match.
    """
    expected = scores.mean(axis=0)
    n = len(scores)
    about = (scores - expected) * n / (n - 1)  # about the mean of the others, as a match is about the mean of all
    everything = np.sort(about.ravel())
    pools = []
    for number in range(int(stratum.max(initial=0)) + 1):
        own = about[:, stratum == number]
        pools.append(np.sort(own.ravel()) if own.size >= _POOL else everything)
    return TopicNull(tested, expected, tuple(pools), stratum)


def beyond_topic(direction: Direction, null: TopicNull, rate: float) -> tuple[Sampled, Sampled, Sampled]:
    """What survives.

    Args:
        direction: How the features are found.
        null: What topics give.
        rate: The false-discovery rate.

    Returns:
        The share of the tested matches with Benjamini-Hochberg's q at most `rate`; the share above the 95 % quantile of
        their own null; and the share of their mean r that topics give.
    """
    r, without = direction.r[null.tested], direction.without[:, null.tested]
    above, above_without = r - null.expected, without - null.expected
    passes = stats.false_discovery_control(rank_p(above, null.stratum, null.spread)) <= rate
    bar = lowest_passing(above, passes, null.stratum)
    tau = np.array([float(np.quantile(pool, QUANTILE, method="higher")) for pool in null.spread])[null.stratum]
    surviving, exceeding = (
        Sampled(float(hard.mean()), soft_pass(above_without, least).mean(axis=1), direction.halves)
        for hard, least in ((passes, bar), (above > tau, tau))
    )
    topic = Sampled(
        float(null.expected.mean() / r.mean()), null.expected.mean() / without.mean(axis=1), direction.halves
    )
    return surviving, exceeding, topic
