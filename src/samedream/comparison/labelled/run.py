"""Run what is measured of two models' labels → ``comparison/<a>--<b>/labelled/``, after the pair's comparison.

A directory of its own: labels made anew, or by a language model, do not make the comparison stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samedream import artifacts, progress
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled.by_model import write_with
from samedream.comparison.labelled.excerpts import excerpts
from samedream.comparison.labelled.features import SIDES, together
from samedream.comparison.labelled.judge.store import judge_pair, save_judgement
from samedream.comparison.labelled.material import Material
from samedream.comparison.labelled.measured import measure
from samedream.comparison.labelled.reading import readers
from samedream.comparison.labelled.store import BY_MODEL, save_labelled, save_transfer, save_written
from samedream.comparison.labelled.written import write
from samedream.comparison.store import load_matches, load_summary
from samedream.corpus.store import load_passages
from samedream.labels.config import LabelsConfig
from samedream.labels.language.open import open_language
from samedream.labels.language.question import Ask
from samedream.labels.store import load_embedding, load_labels, load_trials

STAGE = "comparison"
ASKED = ("embedder", "llm", "base_url", "features")  # settings of the labels stage that this rests on


def run(
    out: Path,
    config: ComparisonConfig,
    language: LabelsConfig,
    *,
    pair: Path,
    features: Mapping[str, Path],
    labels: tuple[Path, Path],
    corpus: Path,
    embedding: Path,
    answers: Path,
) -> None:
    """Make ``comparison/<a>--<b>/labelled``, unless it is there already.

    Args:
        out: The directory.
        config: `seed` is used.
        language: The embedder that reads labels, and the language model, where one is asked.
        pair: ``comparison/<a>--<b>``.
        features: "left", "right", and where there are any "left_repeat", "left_floor" … → ``features/<reader>``.
        labels: ``labels/<a>`` and ``labels/<b>``.
        corpus: ``corpus``.
        embedding: ``labels/embedding``.
        answers: ``labels/answers``: what a language model said before.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        StaleArtifactError: `out` was made with something else.
        ComparisonError: The labels are of another dictionary.
        LanguageError: A language model is to be asked and cannot be.
    """
    directories = {"comparison": pair, "labels left": labels[0], "labels right": labels[1], "corpus": corpus}
    directories |= {"embedding": embedding, **features}
    inputs = {name: artifacts.require_manifest(path).fingerprint() for name, path in directories.items()}
    settings = {"seed": config.seed, **language.model_dump(mode="json", include=set(ASKED))}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    given = Given(pair, features, labels, corpus, embedding)
    with open_language(language, cache=answers) as ask:
        files, counts = _make(out, given, config, language=language, ask=ask)
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=files)


@dataclass(frozen=True)
class Given:
    """The directories it is made from (see `run`)."""

    pair: Path
    features: Mapping[str, Path]
    labels: tuple[Path, Path]
    corpus: Path
    embedding: Path


def _make(
    out: Path, given: Given, config: ComparisonConfig, *, language: LabelsConfig, ask: Ask | None
) -> tuple[list[Path], dict[str, Any]]:
    """Measure, judge, write; the files and counts."""
    matches, summary = load_matches(given.pair), load_summary(given.pair)
    tables = {side: load_labels(path) for side, path in zip(SIDES, given.labels, strict=True)}
    trials = {side: load_trials(path) for side, path in zip(SIDES, given.labels, strict=True)}
    found = together(matches, tables)
    with progress.step("trying labels on the other model's features", len(SIDES), "models") as shown:
        read = readers(tables, load_passages(given.corpus), given.embedding, language.embedder)
        table, transfer = measure(found, trials, read, config.seed)
        shown.advance(len(SIDES))
    vectors, most = load_embedding(given.embedding), language.features
    judged = judge_pair(given.features, matches, given.corpus, embedding=vectors, ask=ask, config=config, most=most)
    labelled = {"transfer": transfer, "judge": judged.summary}
    a, b = summary["models"]
    written = write(Material((a, b), summary, found, labelled, config.seed))
    files = [save_transfer(out, table), save_labelled(out, labelled), *save_written(out, written)]
    files += save_judgement(out, judged)
    counts: dict[str, Any] = {"claims": sum(len(section.claims) for section in written.sections)}
    if ask is not None:
        said = write_with(ask, written, excerpts(written.names, given.features, given.corpus), str(language.llm))
        files += save_written(out, said, BY_MODEL)
        counts["claims by the language model"] = sum(len(section.claims) for section in said.sections)
        counts["dropped"] = said.dropped
    return files, counts
