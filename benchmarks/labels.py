"""Labels and their scores on features with known rules, and how long they take; `python -m benchmarks labels`.

planted   features that follow rules on 4,000 real passages: how many labels name the rule's words, and how far the
          scores of the features' own labels lie above those of others
speed     labels and scores, controls too, of 2 x 2,560 features over 4,000 passages with 450 firing on each; the
          embedder's own time is taken off
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.peers.protocol import resident
from benchmarks.record import record
from samedream import artifacts
from samedream.corpus import run as corpus_run
from samedream.corpus.config import CorpusConfig
from samedream.corpus.store import load_passages
from samedream.features.store import ACTIVITY, FEATURES, PEAKS, save_arrays, save_table
from samedream.labels import embedder, run
from samedream.labels.config import LabelsConfig
from samedream.labels.scores.auc import Layout, wins
from samedream.labels.words import word_spans
from samedream.planted.rules import names_rule, plant, rules_of

PASSAGES, FEATURES_OF_A_MODEL, FIRING, WORD_RULES = 4_000, 2_560, 450, 60
Peaks = tuple[NDArray[np.uint32], NDArray[np.uint32]]


def _study(directory: Path) -> dict[str, Path]:
    """A corpus of real passages and its embedding."""
    corpus, embedding = directory / "corpus", directory / "embedding"
    corpus_run.run(corpus, CorpusConfig(passages=PASSAGES, languages=["en"]))
    run.run_embedding(embedding, LabelsConfig(), corpus=corpus)
    return {"corpus": corpus, "embedding": embedding}


def _save_features(directory: Path, activity: "sparse.csr_matrix[np.float32]", peaks: Peaks) -> Path:
    directory.mkdir(parents=True)
    sparse.save_npz(directory / ACTIVITY, activity)
    save_arrays(directory / PEAKS, {"start": peaks[0], "end": peaks[1]})
    fired = np.bincount(activity.indices, minlength=activity.shape[1])
    table = pa.table({"feature": np.arange(len(fired), dtype=np.int32), "dead": fired == 0})
    save_table(directory / FEATURES, table)
    files = [directory / name for name in (ACTIVITY, PEAKS, FEATURES)]
    artifacts.finish(directory, "features", {}, inputs={}, counts={}, files=files)
    return directory


def planted(directory: Path, study: dict[str, Path]) -> None:
    """Whether labels name the rules that features follow, and whether scores know a true label."""
    texts = [passage.text for passage in load_passages(study["corpus"])]
    truth = plant(texts, rules_of(texts, WORD_RULES), seed=0)
    features = _save_features(directory / "planted", truth.activity, truth.peaks)
    given = run.load_given(features, study["corpus"], study["embedding"])
    config = LabelsConfig()
    evidence, labels = run.label(given, np.zeros(len(truth.rules), bool), config)
    named = np.array([names_rule(label.label, rule) for label, rule in zip(labels, truth.rules, strict=True)])
    for label, rule, right in zip(labels, truth.rules, named, strict=True):
        if not right:
            print(f"misnamed: {rule.name}: {label.label!r} ({label.kind})")
    _, judged = run.try_out(labels, evidence, given, config=config)
    own, other = (
        np.array([getattr(judged.scores[name], what)[i] for i, name in enumerate(judged.headline)])
        for what in ("value", "null")
    )
    print(
        {name: float(np.nanmedian(scores.value)) for name, scores in judged.scores.items()},
        judged.badge.count("strong"),
    )
    record("labels.planted_named", float(named.mean()), unit=f"of {len(named)} labels", mark=">= 0.9")
    record("labels.planted_scores_auc", _ranked(own, other), unit="AUC, own labels over others'", mark=">= 0.95")


def _ranked(own: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    known = np.isfinite(own) & np.isfinite(other)
    one, two = own[known], other[known]
    layout = Layout(np.zeros(1, np.int64), np.arange(2 * len(one))[None], (len(one), 0, 0, len(two), 0, 0))
    return float(wins(np.concatenate([one, two]), layout).mean(dtype=np.float64))


def _dense_activity(texts: list[str], seed: int) -> tuple["sparse.csr_matrix[np.float32]", Peaks]:
    """Features that fire on random words, as many on each passage as small dictionaries have, peaks on real words."""
    random = np.random.default_rng(seed)
    spans = [np.array(word_spans(text)) for text in texts]
    fires = random.lognormal(0, 0.7, FEATURES_OF_A_MODEL)
    chance = np.minimum(fires * FIRING / fires.sum(), 0.95)
    member = random.random((len(texts), FEATURES_OF_A_MODEL), dtype=np.float32) < chance
    value = random.standard_exponential(int(member.sum()), dtype=np.float32) + np.float32(0.01)
    row, column = np.nonzero(member)
    at = np.concatenate([of[random.integers(len(of), size=n)] for of, n in zip(spans, member.sum(axis=1), strict=True)])
    activity = sparse.csr_matrix((value, (row, column)), shape=member.shape)
    return activity, (at[:, 0].astype(np.uint32), at[:, 1].astype(np.uint32))


def speed(directory: Path, study: dict[str, Path]) -> None:
    """Two models' labels and scores, as the stage makes them."""
    texts = [passage.text for passage in load_passages(study["corpus"])]
    models = [_save_features(directory / f"model{seed}", *_dense_activity(texts, seed)) for seed in (1, 2)]
    spent, embed = [0.0], embedder.embed

    def timed(*arguments: Any) -> NDArray[np.float32]:
        started = time.perf_counter()
        found = embed(*arguments)
        spent[0] += time.perf_counter() - started
        return found

    embedder.embed = timed
    started = time.perf_counter()
    for number, features in enumerate(models):
        run.run(directory / f"labels{number}", LabelsConfig(), features=features, **study)
    seconds = time.perf_counter() - started - spent[0]
    embedder.embed = embed
    print(f"beyond these, the embedder took {spent[0]:.0f} s")
    record("labels.seconds", seconds, unit="seconds, 2 x 2,560 features, 4,000 passages", mark="<= 60")
    record("labels.peak_gb", resident() / 1e9, unit="GB", mark="<= 2")


def main() -> None:
    """All marks of labels."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        study = _study(directory)
        planted(directory, study)
        speed(directory, study)


if __name__ == "__main__":
    main()
