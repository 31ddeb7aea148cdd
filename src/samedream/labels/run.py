"""Run the labels stage: a label for every feature of a model, and one embedding of the passages beside them."""

from collections import Counter
from pathlib import Path

import numpy as np

from samedream import artifacts, progress
from samedream.corpus.store import load_passages
from samedream.errors import CorpusError, CorruptArtifactError, ModelNotFoundError, StaleArtifactError
from samedream.features.candidates import article_index
from samedream.features.store import PEAKS, load_activity, load_features, load_peaks
from samedream.labels.config import ONLY_PACE, LabelsConfig
from samedream.labels.evidence import collect, label_fold
from samedream.labels.keywords import Label, label_features
from samedream.labels.store import save_embedding, save_labels


def run(out: Path, config: LabelsConfig, *, features: Path, corpus: Path) -> None:
    """Make `labels/<model>`, unless it is there already.

    Args:
        out: The stage's directory.
        config: The stage's settings.
        features: The model's `features/<model>`.
        corpus: The study's `corpus`.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        StaleArtifactError: Features and corpus do not belong together, or `out` was made with something else.
        CorruptArtifactError: A file does not fit its checksum.
        CorpusError: No passage is in the label fold.
    """
    settings = config.model_dump(mode="json", exclude={"embedder", *ONLY_PACE})  # labels do not rest on these
    inputs = {name: artifacts.require_manifest(path).fingerprint() for name, path in
              (("features", features), ("corpus", corpus))}  # fmt: skip
    if artifacts.already_done(out, "labels", settings, inputs):
        return
    labels = make_labels(features, corpus, config)
    artifacts.begin(out, "labels", settings, inputs)  # also clears what a killed run left
    path = save_labels(out, labels)
    counts = {
        "features": len(labels),
        "status": dict(Counter(label.status for label in labels)),
        "kind": dict(Counter(label.kind for label in labels if label.kind)),
    }
    artifacts.finish(out, "labels", settings, inputs=inputs, counts=counts, files=[path])


def make_labels(features: Path, corpus: Path, config: LabelsConfig) -> list[Label]:
    """Load what labels are made from and label every feature; raises what `run` raises."""
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
    rows = label_fold(passages)
    if not len(rows):
        raise CorpusError(
            f"none of the {len(passages)} passages of {corpus} is in the label fold, so nothing can be labelled; take "
            f"passages of more articles (corpus.passages) and rerun"
        )
    usable = [passages[i] for i in rows]  # the score fold is not looked at from here on
    article = article_index([passage.article_id for passage in usable])
    with progress.step("labelling", activity.shape[1], "features") as shown:
        evidence = collect(activity, peaks, rows=rows, article=article, most=config.strongest)
        dead = load_features(features)["dead"].to_numpy()
        labels = label_features(evidence, usable, dead=np.asarray(dead, bool), config=config)
        shown.advance(len(labels))
    return labels


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
