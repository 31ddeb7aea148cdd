"""Keyword labels of all features at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.config import LabelsConfig
from samedream.labels.ctfidf import Csr, best_terms, class_tfidf, presence, rarity
from samedream.labels.evidence import Evidence, Triggers, find_triggers
from samedream.labels.kinds import Traits, Trigger, describe
from samedream.labels.topics import Topic, leading_titles, leading_topics
from samedream.labels.words import Words, find_words
from samedream.records import Passage

_DEVIATIONS = 3.0
_FUNCTION_PASSAGES = 10  # in a handful of passages every word is frequent
_FUNCTION_WORD = 0.05  # a word in more than this share of the passages says nothing about what they are about


@dataclass(frozen=True)
class Label:
    """One row of labels.parquet."""

    feature: int
    label: str
    keywords: list[str]
    keyword_scores: list[float]
    trigger_words: list[str]
    topics: list[str]
    topic_shares: list[float]
    titles: list[str]
    kind: str
    status: str


def term_counts(words: Words) -> Csr:
    """How often each term stands in each passage, float64 [passages, terms]."""
    ones = np.ones(len(words.term))
    return sparse.csr_matrix((ones, (words.passage, words.term)), shape=(words.passages, len(words.terms)))


def keyword_scores(weights: Csr, triggers: Triggers, words: Words) -> Csr:
    """c-TF-IDF of every term over triggers plus over contexts, float64 [features, terms].

    As a trigger a term counts from two passages on. In the context it must stand in three (two or one, where a feature
    has fewer than ten or three passages), and in one more than three standard deviations above what as many passages
    hold by chance (a Poisson count): what strong passages share by accident is no meaning. Function words are no
    keywords; a feature that peaks on them says so by its triggers.
    """
    counts = term_counts(words)
    idf = np.where(function_words(words), 0.0, rarity(counts))
    evidence = np.bincount(weights.indices, minlength=weights.shape[1])
    needed = np.where(evidence >= 10, 3, np.where(evidence > 2, 2, 1))
    standing = sparse.csr_matrix(presence(weights).T @ presence(counts))
    common = np.asarray(presence(counts).sum(axis=0)).ravel() / max(words.passages, 1)
    row = np.repeat(np.arange(len(evidence)), np.diff(standing.indptr))
    expected = common[standing.indices] * evidence[row]
    lifted = standing.data >= np.where(evidence[row] > 2, expected + _DEVIATIONS * np.sqrt(expected) + 1, 1)
    context = class_tfidf(weights, counts, idf).multiply(_where(standing, lifted & (standing.data >= needed[row])))
    row = np.repeat(np.arange(len(evidence)), np.diff(triggers.passages.indptr))
    trigger = triggers.share.multiply(_where(triggers.passages, triggers.passages.data >= np.minimum(needed, 2)[row]))
    return sparse.csr_matrix(context + sparse.csr_matrix(trigger)[:, : triggers.words] @ sparse.diags_array(idf))


def _where(matrix: Csr, kept: NDArray[np.bool_]) -> Csr:
    """1 where a stored value is kept, else 0."""
    return sparse.csr_matrix((kept.astype(np.float64), matrix.indices, matrix.indptr), shape=matrix.shape)


def label_features(
    evidence: Evidence, passages: Sequence[Passage], *, dead: NDArray[np.bool_], config: LabelsConfig
) -> list[Label]:
    """Label every feature, dead ones too.

    Args:
        evidence: Each feature's strongest passages.
        passages: The passages of the label fold, and no others.
        dead: Features that fire nowhere in the corpus, bool [features].
        config: How much to list.
    """
    texts = [passage.text for passage in passages]
    words = find_words(texts)
    weights = evidence.weights(len(passages))
    triggers = find_triggers(evidence, words, texts)
    keywords = best_terms(keyword_scores(weights, triggers, words), config.keywords)
    shown = _shown_triggers(triggers, function_words(words))
    topics = leading_topics(weights, passages)
    titles = leading_titles(evidence, passages)
    labels = []
    for feature, fired in enumerate(evidence.fired):
        traits = Traits(
            shown[feature],
            [words.terms[term] for term, _ in keywords[feature]],
            float(triggers.at_start[feature]),
            float(triggers.at_end[feature]),
            float(fired / max(len(passages), 1)),
            _leading(topics[feature]),
        )
        kind, label = describe(traits, config.words) if fired else ("", "")
        labels.append(
            Label(
                feature,
                label,
                list(traits.keywords),
                [score for _, score in keywords[feature]],
                [trigger.name for trigger in shown[feature][: config.keywords]],
                [topic.name for topic in topics[feature]],
                [topic.share for topic in topics[feature]],
                titles[feature],
                kind,
                "dead" if dead[feature] else "too rare" if fired < config.min_passages else "ok",
            )
        )
    return labels


def _leading(topics: Sequence[Topic]) -> tuple[float, float]:
    return max(((topic.share, topic.lift) for topic in topics), default=(0.0, 0.0))


def function_words(words: Words) -> NDArray[np.bool_]:
    """Whether each term is in so many passages that it says nothing about any, in whatever language, bool [terms]."""
    holding = np.asarray(presence(term_counts(words)).sum(axis=0)).ravel()
    return np.asarray(holding > max(_FUNCTION_WORD * words.passages, _FUNCTION_PASSAGES))


def _shown_triggers(triggers: Triggers, frequent: NDArray[np.bool_]) -> list[list[Trigger]]:
    """The triggers of each feature, the most frequent first."""
    return [
        [
            Trigger(triggers.names[i], share, i < triggers.words, bool(i < triggers.words and frequent[i]))
            for i, share in row
        ]
        for row in best_terms(triggers.share, triggers.share.shape[1])
    ]
