"""Keyword labels of all features at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.labels.config import LabelsConfig
from samedream.labels.ctfidf import Csr, best_terms, class_tfidf, presence, rarity
from samedream.labels.diversity import diverse_order
from samedream.labels.evidence import Evidence, Triggers, find_triggers
from samedream.labels.kinds import Described, Traits, Trigger, describe
from samedream.labels.neighbours import Pairs, find_pairs, leading_phrases, next_words
from samedream.labels.rules import word_rules
from samedream.labels.syntax import leading_classes
from samedream.labels.topics import Topic, leading_titles, leading_topics
from samedream.labels.words import Words, find_words
from samedream.records import Passage

_DEVIATIONS = 3.0
_NEXT_WORDS = 5
_FUNCTION_PASSAGES = 10  # in a handful of passages every word is frequent
_FUNCTION_WORD = 0.05  # a word in more than this share of the passages says nothing about what they are about


@dataclass(frozen=True)
class Label:
    """One row of labels.parquet."""

    feature: int
    label: str
    keywords: list[str]
    keyword_scores: list[float]
    rule_terms: list[str]
    rule_weights: list[float]
    trigger_words: list[str]
    next_words: list[str]
    topics: list[str]
    topic_shares: list[float]
    titles: list[str]
    kind: str
    status: str


def term_counts(words: Words) -> Csr:
    """How often each term stands in each passage, float64 [passages, terms]."""
    ones = np.ones(len(words.term))
    return sparse.csr_matrix((ones, (words.passage, words.term)), shape=(words.passages, len(words.terms)))


def keyword_scores(weights: Csr, triggers: Triggers, words: Words, pairs: Pairs) -> Csr:
    """c-TF-IDF of every term over triggers plus over contexts, float64 [features, words' terms + pairs].

    As a trigger a term counts from two passages on. In the context it must stand in three (two or one, where a feature
    has fewer than ten or three passages), and in one more than three standard deviations above what as many passages
    hold by chance (a Poisson count): what strong passages share by accident is no meaning. Function words are no
    keywords; a feature that peaks on them says so by its triggers.
    """
    single = term_counts(words)
    length = single.sum() / max(words.passages, 1)
    counts = sparse.csr_matrix(sparse.hstack([single, pairs.counts]))
    idf = np.concatenate(
        [np.where(function_words(words), 0.0, rarity(single)), rarity(pairs.counts, mean_length=length)]
    )
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
    peaks = sparse.csr_matrix(trigger)[:, : triggers.words] @ sparse.diags_array(idf[: triggers.words])
    none = sparse.csr_matrix((len(evidence), len(pairs.names)))
    return sparse.csr_matrix(context + sparse.hstack([peaks, none]))


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
    triggers = find_triggers(evidence, words, texts)
    keywords, ordered = _keywords(evidence, triggers, words, texts=texts, most=config.keywords)
    topics = leading_topics(evidence.weights(len(passages)), passages)
    traits = _traits(evidence, triggers, words, texts=texts, ordered=ordered, topics=topics, most=config.words)
    rules = word_rules(keywords, triggers, words, texts=texts)
    after = next_words(evidence, triggers.peak, words, texts=texts, most=_NEXT_WORDS)
    titles = leading_titles(evidence, passages)
    listed = best_terms(triggers.share, config.keywords)
    labels = []
    for feature, (mine, fired) in enumerate(zip(traits, evidence.fired, strict=True)):
        found = describe(mine, config.words) if fired else Described("", "")
        rule = [(found.word_class, 1.0)] if found.word_class else rules[feature]
        labels.append(
            Label(
                feature=feature,
                label=found.label,
                keywords=[name for name, _ in keywords[feature]],
                keyword_scores=[score for _, score in keywords[feature]],
                rule_terms=[name for name, _ in rule],
                rule_weights=[weight for _, weight in rule],
                trigger_words=[triggers.names[i] for i, _ in listed[feature]],
                next_words=after[feature],
                topics=[topic.name for topic in topics[feature]],
                topic_shares=[topic.share for topic in topics[feature]],
                titles=titles[feature],
                kind=found.kind,
                status="dead" if dead[feature] else "too rare" if fired < config.min_passages else "ok",
            )
        )
    return labels


def _keywords(
    evidence: Evidence, triggers: Triggers, words: Words, *, texts: Sequence[str], most: int
) -> tuple[list[list[tuple[str, float]]], list[list[str]]]:
    """Each feature's keywords with their scores, best first; and the same in the order in which a label takes them."""
    pairs = find_pairs(words, texts, function_words(words))
    names = [*words.terms, *pairs.names]
    best = best_terms(keyword_scores(evidence.weights(len(texts)), triggers, words, pairs), most)
    counts = sparse.csr_matrix(sparse.hstack([term_counts(words), pairs.counts]))
    ordered = [[names[term] for term in mine] for mine in diverse_order(best, counts, names)]
    return [[(names[term], score) for term, score in mine] for mine in best], ordered


def _traits(
    evidence: Evidence,
    triggers: Triggers,
    words: Words,
    *,
    texts: Sequence[str],
    ordered: Sequence[Sequence[str]],
    topics: Sequence[Sequence[Topic]],
    most: int,
) -> Iterator[Traits]:
    """What is known of each feature; `ordered` are its keywords, in the order in which a label takes them."""
    frequent = function_words(words)
    shown = _shown_triggers(triggers, frequent)
    phrases = leading_phrases(evidence, triggers.peak, words, texts=texts, frequent=frequent)
    classes = leading_classes(triggers, words, most)
    for feature, fired in enumerate(evidence.fired):
        yield Traits(
            shown[feature],
            ordered[feature],
            at_start=float(triggers.at_start[feature]),
            at_end=float(triggers.at_end[feature]),
            firing_rate=float(fired / max(len(texts), 1)),
            topic=_leading(topics[feature]),
            phrase=phrases[feature],
            word_class=classes[feature],
        )


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
