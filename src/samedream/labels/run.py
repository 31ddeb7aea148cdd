"""Run the labels stage: a label for every feature, its scores, and one embedding of the passages beside them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samedream import artifacts, progress
from samedream.corpus.store import load_passages
from samedream.errors import CorpusError, CorruptArtifactError, ModelNotFoundError, StaleArtifactError
from samedream.features.candidates import article_index
from samedream.features.store import PEAKS, load_activity, load_features, load_peaks
from samedream.labels.asked.asked import Asked
from samedream.labels.asked.scored import rebadged, score_by_asking, score_columns, scorer
from samedream.labels.asked.scored import summary as asked_summary
from samedream.labels.config import ONLY_PACE, LabelsConfig
from samedream.labels.evidence import Evidence, collect, label_fold
from samedream.labels.keywords import Label, label_features
from samedream.labels.language.describe import columns, describe, shown_labels
from samedream.labels.language.labeller import Description, features_to_ask
from samedream.labels.language.open import open_language, rehearsed
from samedream.labels.language.question import Ask
from samedream.labels.scores import directions
from samedream.labels.scores.judged import Judged, judge, summary
from samedream.labels.scores.trials import Peaks, Trials, draw_trials
from samedream.labels.store import (
    load_embedding,
    save_embedding,
    save_labels,
    save_summary,
    save_trials,
)
from samedream.records import Passage

if TYPE_CHECKING:
    from scipy import sparse

ANSWERS = "answers"  # in the study's labels/: what language models answered
EMBEDDING = "embedding"


@dataclass(frozen=True)
class Given:
    """What labels are made of and scored on.

    Attributes:
        activity: float32 [passages, features], with the peaks of its stored values.
        peaks: First character and character after each.
        passages: The corpus.
        embedding: Each passage as the neutral embedder sees it, or None.
    """

    activity: "sparse.csr_matrix[np.float32]"
    peaks: Peaks
    passages: list[Passage]
    embedding: NDArray[np.float32] | None


def run(out: Path, config: LabelsConfig, *, features: Path, corpus: Path, embedding: Path, again: bool = False) -> None:
    """Make `labels/<reader>`, unless it is there already; a language model's answers are kept beside it.

    Args:
        out: The stage's directory.
        config: The stage's settings.
        features: The reader's `features/<reader>`.
        corpus: The study's `corpus`.
        embedding: The study's `labels/embedding`.
        again: Make it though it is there. What is there stays until all has been asked.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        LanguageError: The language model cannot be asked.
        StaleArtifactError: Features and corpus do not belong together, or `out` was made with something else.
        CorruptArtifactError: A file does not fit its checksum.
        CorpusError: No passage is in the label fold.
    """
    settings = config.model_dump(mode="json", exclude={"embedder", *ONLY_PACE})  # labels do not rest on these
    inputs = {name: artifacts.require_manifest(path).fingerprint() for name, path in
              (("features", features), ("corpus", corpus), ("embedding", embedding))}  # fmt: skip
    if not again and artifacts.already_done(out, "labels", settings, inputs):
        return
    given = load_given(features, corpus, embedding)
    dead = np.asarray(load_features(features)["dead"].to_numpy(), bool)
    with progress.step("labelling", len(dead), "features") as shown:
        evidence, labels = label(given, dead, config)
        shown.advance(len(labels))
    with open_language(config, cache=out.parent / ANSWERS) as ask:
        described = _described(ask, labels, given, config=config)
    shown_as = shown_labels(labels, described)
    trials, judged = try_out(shown_as, evidence, given, config=config)
    with open_language(config, cache=out.parent / ANSWERS, model=scorer(config)) as ask:
        asked = _asked(ask, shown_as, trials, evidence, given=given, config=config)
    judged = rebadged(judged, asked, np.array([said.label is not None for said in described], bool))
    control = _random_directions(given, config)
    (out / artifacts.MANIFEST).unlink(missing_ok=True)  # labels that are made again are not done from here on
    artifacts.begin(out, "labels", settings, inputs)  # also clears what a killed run left
    files = [
        save_labels(
            out, shown_as, judged, described=columns(labels, described), asked=score_columns(asked, len(labels))
        ),
        save_trials(out, trials),
        save_summary(
            out, {**summary(judged), "asked": asked_summary(asked, config), "random_directions": summary(control)}
        ),
    ]
    artifacts.finish(out, "labels", settings, inputs=inputs, counts=_counts(labels, described, judged), files=files)


def _counts(labels: Sequence[Label], described: Sequence[Description], judged: Judged) -> dict[str, Any]:
    return {
        "features": len(labels),
        "status": dict(Counter(label.status for label in labels)),
        "kind": dict(Counter(label.kind for label in labels if label.kind)),
        "llm_status": dict(Counter(said.status for said in described if said.status)),
        "badge": dict(Counter(badge for badge in judged.badge if badge)),
    }


def rehearse(
    config: LabelsConfig, features: Mapping[str, Path], *, labels: Path, corpus: Path, show: Callable[[str], None]
) -> None:
    """Show what a language model would be asked, and what it would cost; nothing is asked, nothing is written.

    Args:
        config: The stage's settings.
        features: Reader → its `features/<reader>`.
        labels: The study's `labels`.
        corpus: The study's `corpus`.
        show: Takes the prompts, and in the end the cost.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
    """
    with rehearsed(config, cache=labels / ANSWERS, show=show) as ask:
        for path in features.values():
            given = load_given(path, corpus, labels / EMBEDDING)
            dead = np.asarray(load_features(path)["dead"].to_numpy(), bool)
            _described(ask, label(given, dead, config)[1], given, config=config)
    show("Labels are scored once they are written; the questions below have the offline labels in their place")
    as_scorer = config.model_copy(update={"llm": scorer(config) or config.llm})
    with rehearsed(as_scorer, cache=labels / ANSWERS, show=show) as ask:
        for path in features.values():
            given = load_given(path, corpus, labels / EMBEDDING)
            dead = np.asarray(load_features(path)["dead"].to_numpy(), bool)
            evidence, offline = label(given, dead, config)
            trials = _trials(offline, evidence, given, seed=config.seed)
            _asked(ask, offline, trials, evidence, given=given, config=config)
    show(
        "Not counted: the comparison asks the labeller too, for each pair of models some 1,300 questions to the judge, "
        "about 2 million tokens (fewer with --features below 24), and up to six for the comparison in words"
    )


def _asked(
    ask: Ask | None, labels: Sequence[Label], trials: Trials, evidence: Evidence, *, given: Given, config: LabelsConfig
) -> Asked | None:
    """Scores by a language model, of the labels that it was asked for."""
    wanted = features_to_ask(labels, evidence.fired, passages=len(label_fold(given.passages)), most=config.features)
    return score_by_asking(ask, labels, wanted, trials, passages=given.passages, fired=evidence.fired, seed=config.seed)


def _described(ask: Ask | None, labels: Sequence[Label], given: Given, *, config: LabelsConfig) -> list[Description]:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        from samedream.labels.embedder import embed  # brings torch

        return embed(texts, config.embedder)

    embedding = given.embedding
    return describe(
        ask,
        labels,
        given.activity,
        given.peaks,
        passages=given.passages,
        embedding=embedding,
        embed=embed,
        config=config,
    )


def load_given(features: Path, corpus: Path, embedding: Path) -> Given:
    """Load what labels are made of and scored on; raises what `run` raises."""
    activity, peaks, passages = load_activity(features), load_peaks(features), load_passages(corpus)
    if activity.shape[0] != len(passages):
        raise StaleArtifactError(
            f"{features} has the activity of {activity.shape[0]} passages, but {corpus} holds {len(passages)}: they "
            f'are not of the same study. Delete {features} and rerun "samedream features DIR"'
        )
    if len(peaks[0]) != activity.nnz:
        raise CorruptArtifactError(
            f"{features / PEAKS} holds {len(peaks[0])} spans for {activity.nnz} values; delete {features} and rerun "
            f'"samedream features DIR"'
        )
    if not len(label_fold(passages)):
        raise CorpusError(
            f"none of the {len(passages)} passages of {corpus} is in the label fold, so nothing can be labelled; take "
            f"passages of more articles (corpus.passages) and rerun"
        )
    return Given(activity, peaks, passages, load_embedding(embedding))


def label(given: Given, dead: NDArray[np.bool_], config: LabelsConfig) -> tuple[Evidence, list[Label]]:
    """Label every feature from the label fold; `dead`: features that fire nowhere, bool [features]."""
    rows = label_fold(given.passages)
    usable = [given.passages[i] for i in rows]  # the score fold is not looked at
    article = article_index([passage.article_id for passage in usable])
    evidence = collect(given.activity, given.peaks, rows=rows, article=article, most=config.strongest)
    return evidence, label_features(evidence, usable, dead=dead, config=config)


def try_out(
    labels: Sequence[Label], evidence: Evidence, given: Given, *, config: LabelsConfig
) -> tuple[Trials, Judged]:
    """Draw every feature's trials from the score fold, and score its label on them."""
    trials = _trials(labels, evidence, given, seed=config.seed)
    embedded = _embed_labels(labels, config.embedder) if given.embedding is not None else None
    both = (embedded, given.embedding) if embedded is not None and given.embedding is not None else None
    judged = judge(labels, evidence.fired, trials, passages=given.passages, embedded=both, seed=config.seed)
    return trials, judged


def _trials(labels: Sequence[Label], evidence: Evidence, given: Given, *, seed: int) -> Trials:
    return draw_trials(
        given.activity,
        given.peaks,
        given.passages,
        evidence=evidence,
        embedding=given.embedding,
        triggers=[label.trigger_words for label in labels],
        seed=seed,
    )


def _embed_labels(labels: Sequence[Label], source: str) -> NDArray[np.float32] | None:
    """Every label as the neutral embedder sees it; each text once. None where the embedder is gone."""
    from samedream.labels.embedder import embed  # brings torch

    texts, index = np.unique([label.label for label in labels], return_inverse=True)
    try:
        embedded: NDArray[np.float32] = embed([str(text) for text in texts], source)[index]
    except ModelNotFoundError as error:
        progress.say(f"labels are not scored by the embedding: {error}")
        return None
    return embedded


def _random_directions(given: Given, config: LabelsConfig) -> Judged:
    """The control: random directions of the same dictionary, labelled and scored as its features are."""
    activity, peaks = directions.random_directions(
        given.activity, given.peaks, count=directions.COUNT, seed=config.seed
    )
    control = Given(activity, peaks, given.passages, given.embedding)
    evidence, labels = label(control, np.diff(activity.tocsc().indptr) == 0, config)
    return try_out(labels, evidence, control, config=config)[1]


def run_embedding(out: Path, config: LabelsConfig, *, corpus: Path) -> None:
    """Make `labels/embedding`, unless it is there already; without the embedder it is left empty and that is said.

    Args:
        out: The embedding's directory.
        config: `embedder` is used.
        corpus: The study's `corpus`.

    Raises:
        MissingArtifactError: The corpus is not finished.
        StaleArtifactError: `out` was made with something else.
        ModelError: The embedder is here but cannot be loaded.
    """
    settings = config.model_dump(mode="json", include={"embedder"})
    inputs = {"corpus": artifacts.require_manifest(corpus).fingerprint()}
    if artifacts.already_done(out, "labels", settings, inputs):
        return
    from samedream.labels.embedder import embed  # brings torch, which labels do without

    passages = load_passages(corpus)
    try:
        embedding = embed([passage.text for passage in passages], config.embedder)
    except ModelNotFoundError as error:
        progress.say(f"no embedding of the passages: {error}. What rests on it is left out; to have it, delete {out}")
        artifacts.finish(out, "labels", settings, inputs=inputs, counts={"passages": 0}, files=[])
        return
    counts = {"passages": len(embedding), "width": embedding.shape[1]}
    path = save_embedding(out, embedding)
    artifacts.finish(out, "labels", settings, inputs=inputs, counts=counts, files=[path])
