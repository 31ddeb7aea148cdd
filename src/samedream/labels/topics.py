"""The articles behind a feature: their topics and titles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from samedream.labels.ctfidf import Csr, shares
from samedream.labels.evidence import Evidence
from samedream.records import Passage

_MOST_TOPICS = 3
_MOST_TITLES = 5
_LEAST_SHARE = 0.1  # a topic below this is left out, however rare it is in the corpus


@dataclass(frozen=True)
class Topic:
    """A topic's activation-weighted share of a feature's evidence; lift: how many times its share of the corpus."""

    name: str
    share: float
    lift: float


def leading_topics(weights: Csr, passages: Sequence[Passage]) -> list[list[Topic]]:
    """For each feature up to three topics that are more frequent than in the corpus, the highest lift first.

    Args:
        weights: Activation of each feature's evidence, float64 [passages, features].
        passages: The label fold's passages; those without a topic count for nothing.
    """
    names = sorted({passage.topic for passage in passages if passage.topic is not None})
    if not names:
        return [[] for _ in range(weights.shape[1])]
    index = {name: i for i, name in enumerate(names)}
    with_topic = [(i, index[passage.topic]) for i, passage in enumerate(passages) if passage.topic is not None]
    row, column = np.array(with_topic).T
    member = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(passages), len(names)))
    base = np.asarray(member.sum(axis=0)).ravel() / len(row)
    share = shares(sparse.csr_matrix(weights.T @ member)).toarray()
    found = []
    for mine in share:
        topics = [Topic(names[i], float(mine[i]), float(mine[i] / base[i])) for i in np.flatnonzero(mine)]
        leading = [topic for topic in topics if topic.share >= _LEAST_SHARE and topic.lift > 1]
        found.append(sorted(leading, key=lambda topic: (-topic.lift, topic.name))[:_MOST_TOPICS])
    return found


def leading_titles(evidence: Evidence, passages: Sequence[Passage]) -> list[list[str]]:
    """For each feature the titles of up to five articles, the strongest first."""
    titles: list[list[str]] = [[] for _ in evidence.fired]
    for feature, passage in zip(evidence.feature, evidence.passage, strict=True):
        mine, title = titles[feature], passages[passage].article
        if len(mine) < _MOST_TITLES and title not in mine:
            mine.append(title)
    return titles
