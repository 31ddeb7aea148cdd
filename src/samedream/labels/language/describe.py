"""The labels stage's step that asks a language model: offline labels in, descriptions and columns out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream import progress
from samedream.labels.config import LabelsConfig
from samedream.labels.evidence import label_fold
from samedream.labels.keywords import Label
from samedream.labels.language.examples import choose_examples, meaning_space
from samedream.labels.language.labeller import Description, Embed, features_to_ask, label_by_model
from samedream.labels.language.question import Ask
from samedream.labels.words import word_spans
from samedream.records import Passage

_SEED = 0  # of the draws of examples


def describe(
    ask: Ask | None,
    labels: Sequence[Label],
    activity: "sparse.csr_matrix[np.float32]",
    peaks: tuple[NDArray[np.uint32], NDArray[np.uint32]],
    *,
    passages: Sequence[Passage],
    embedding: NDArray[np.float32] | None,
    embed: Embed | None,
    config: LabelsConfig,
) -> list[Description]:
    """Ask for labels; only the label fold is looked at.

    Args:
        ask: Whom to ask; None: nobody.
        labels: Offline labels, one for each feature.
        activity: float32 [corpus, features].
        peaks: First character and character after the peak of each stored value.
        passages: The corpus.
        embedding: The corpus as a neutral embedder sees it, float32 [corpus, e], or None.
        embed: That embedder, or None.
        config: Which features are asked about.

    Returns:
        What the model says of each feature. The status is "not asked" where it was not asked, "" where there is none.
    """
    if ask is None:
        return [Description("")] * len(labels)
    rows = label_fold(passages)
    fold = [passages[i] for i in rows]
    own = None if embedding is None else np.asarray(embedding[rows])
    if own is None:
        progress.say("no embedding of the passages: of a feature's three labels the first is taken")
    fired = np.bincount(activity[rows].indices, minlength=activity.shape[1])
    asked = features_to_ask(labels, fired, passages=len(fold), most=config.features)
    examples = choose_examples(
        activity, peaks, fold, rows=rows, features=asked, space=meaning_space(fold, own), seed=_SEED
    )
    found = label_by_model(ask, list(examples), [passage.text for passage in fold], embedding=own, embed=embed)
    return [found.get(label.feature, Description("not asked")) for label in labels]


def shown_labels(labels: Sequence[Label], described: Sequence[Description]) -> list[Label]:
    """The labels as they are shown and scored: the model's words where it has some, else the offline ones.

    A model's label is scored by its own words: the offline label's rule says nothing of it.
    """
    return [
        label if said.label is None else _in_words_of(said.label, label)
        for label, said in zip(labels, described, strict=True)
    ]


def _in_words_of(text: str, label: Label) -> Label:
    terms = list(dict.fromkeys(text[start:end].casefold() for start, end in word_spans(text)))
    return replace(label, label=text, rule_terms=terms, rule_weights=[1.0] * len(terms))


def columns(labels: Sequence[Label], described: Sequence[Description]) -> dict[str, list[Any]]:
    """The columns of `labels.parquet` that say whose a label is; a label that is shown is the model's if it has one."""
    return {
        "label": [label.label for label in shown_labels(labels, described)],
        "label_source": ["offline" if said.label is None else "llm" for said in described],
        "offline_label": [label.label for label in labels],
        "description": [said.description for said in described],
        "llm_kind": [said.kind for said in described],
        "llm_confidence": [said.confidence for said in described],
        "llm_status": [said.status or None for said in described],
    }
