"""The stages of a study as tasks in order, and running them: the one place that calls every room's `run`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from samedream import artifacts, progress
from samedream.errors import MissingArtifactError, StudyFileError
from samedream.readers import EMBEDDING, frozen_of, repeat_of, states_of, twin_of
from samedream.study import Study

if TYPE_CHECKING:
    from samedream.sae.frontier import Point

STAGES = ("corpus", "activations", "sae", "features", "labels", "comparison", "report")
# Rough seconds a task takes per 1,000 passages on two cores: only the outlook ("how long is left") rests on them, and
# it corrects itself as tasks finish.
_WEIGHT = {
    "corpus": 5.0,
    "activations": 110.0,
    "sae": 40.0,
    "features": 8.0,
    "labels": 5.0,
    "comparison": 60.0,
    "report": 5.0,
}


@dataclass(frozen=True)
class Task:
    """One piece of a stage: what it leaves, and how to make it."""

    stage: str
    name: str
    directory: Path
    make: Callable[[], object]

    def done(self) -> bool:
        """Whether its manifest is there."""
        return (self.directory / artifacts.MANIFEST).exists()


def _corpus(study: Study) -> None:
    from samedream.corpus import run

    run.run(study.corpus, study.config.corpus)


def _activations(study: Study, reader: str) -> None:
    from samedream.activations import run

    run.run(study.activations(reader), study.config.activations, source=study.sources()[reader], corpus=study.corpus)


def _check_models(study: Study, todo: list[Task]) -> None:
    """Meet a missing model or layer before the first model is read, not hours later."""
    missing = [task for task in todo if task.stage == "activations" and not task.done() and not _settled(study, task)]
    if missing:
        from samedream.activations import run

        for task in missing:
            run.check(study.sources()[task.name], study.config.activations)


def _check_dictionaries(study: Study, todo: list[Task]) -> None:
    """Meet a dictionary that is not there before the first model is read, not hours later."""
    wanted = [study.dictionary(task.name) for task in todo if task.stage == "sae" and not task.done()]
    given = [path for path in wanted if path is not None]
    if given:
        from samedream.sae.interop.formats import find

        for path in given:
            find(path)


def _sae(study: Study, reader: str) -> None:
    from samedream.sae import run

    source = study.sources()[states_of(reader)]
    out, config, states = study.sae(reader), study.sae_config(reader), study.activations(reader)
    corpus = study.corpus if reader in study.models() else None  # a repeat or a twin has no loss worth a model's run
    if (dictionary := study.dictionary(reader)) is not None:
        run.adopt(out, config, activations=states, source=source, corpus=corpus, dictionary=dictionary)
    else:
        run.run(out, config, activations=states, source=source, corpus=corpus)


def _features(study: Study, reader: str) -> None:
    from samedream.features import run

    run.run(study.features(reader), study.config.features, activations=study.activations(reader), sae=study.sae(reader))


def _labels(study: Study, model: str) -> None:
    from samedream.labels import run

    run.run(study.labels(model), study.config.labels, features=study.features(model), corpus=study.corpus)


def _embedding(study: Study) -> None:
    from samedream.labels import run

    run.run_embedding(study.embedding, study.config.labels, corpus=study.corpus)


def _comparison(study: Study, left: str, right: str) -> None:
    from samedream.comparison import run

    names = {model.slug: model.display_name for model in study.config.models}
    readers = study.readers()
    beside = (("", str), ("_repeat", repeat_of), ("_floor", twin_of), ("_frozen", frozen_of))
    sides = {
        f"{side}{what}": of(model)
        for side, model in (("left", left), ("right", right))
        for what, of in beside
        if of(model) in readers
    }
    run.run(
        study.comparison(left, right),
        study.config.comparison,
        names=(names[left], names[right]),
        corpus=study.corpus,
        dictionaries={side: study.sae(reader) for side, reader in sides.items()},
        embedding=study.embedding,
        widths=study.widths(left, right),
        **{side: study.features(reader) for side, reader in sides.items()},
    )


def _together(study: Study) -> None:
    from samedream.comparison import run

    names = {model.slug: model.display_name for model in study.config.models}
    pairs = {pair: study.comparison(*pair) for pair in study.pairs()}
    run.run_together(study.together, study.config.comparison, names=names, pairs=pairs)


def _report(study: Study) -> None:
    from samedream.report import run

    run.run(study.directory, study.config.report)


def tasks(study: Study) -> list[Task]:
    """Every task of a study, in the order in which they can run."""

    def of(stage: str, name: str, directory: Path, make: Callable[..., object], *arguments: object) -> Task:
        return Task(stage, name, directory, partial(make, *arguments))

    listed = [of("corpus", "passages", study.corpus, _corpus, study)]
    listed += [of("activations", r, study.activations(r), _activations, study, r) for r in study.sources()]
    listed += [of("sae", r, study.sae(r), _sae, study, r) for r in study.readers()]
    listed += [of("features", r, study.features(r), _features, study, r) for r in study.readers()]
    listed += [of("labels", m, study.labels(m), _labels, study, m) for m in study.models()]
    listed += [of("labels", EMBEDDING, study.embedding, _embedding, study)]
    for a, b in study.pairs():
        listed.append(of("comparison", f"{a}--{b}", study.comparison(a, b), _comparison, study, a, b))
    if len(study.models()) > 2:
        listed += [of("comparison", "all", study.together, _together, study)]
    listed += [of("report", "page", study.directory / "report", _report, study)]
    return listed


def _settled(study: Study, task: Task) -> bool:
    """Whether a task's hidden states were deleted after all that needs them was made: then it need not run again."""
    if task.stage not in ("activations", "sae", "features"):
        return False
    states = study.activations(task.name)
    return not (states / artifacts.MANIFEST).exists() and all(
        (study.features(reader) / artifacts.MANIFEST).exists()
        for reader in study.readers()
        if study.activations(reader) == states
    )


def _with_outlook(study: Study, todo: list[Task]) -> Iterator[Task]:
    """Yield the tasks one by one, telling the progress display where in the whole each stands and how long is left."""
    scale = (study.config.corpus.passages or 10_000) / 1000
    weights = [0.0 if task.done() else scale * _WEIGHT[task.stage] for task in todo]
    started, spent = time.monotonic(), 0.0
    for number, (task, weight) in enumerate(zip(todo, weights, strict=True), 1):
        pace = (time.monotonic() - started) / spent if spent else 1.0  # of this machine, against the rough seconds
        left = (weight * pace, sum(weights[number:]) * pace) if weight else None
        progress.set_context(f"[{number}/{len(todo)} {task.stage} {task.name}] ", left)
        yield task
        spent += weight
    progress.set_context()


def run_study(study: Study) -> Path:
    """Run every stage that is not done yet; a run that was interrupted goes on where it stopped.

    Returns:
        The path of the answer.
    """
    _check_dictionaries(study, tasks(study))
    _check_models(study, tasks(study))
    for task in _with_outlook(study, tasks(study)):
        if not _settled(study, task):
            task.make()
        if task.stage == "comparison":
            write_answer(study)
    return study.directory / "answer.json"


def run_stage(study: Study, stage: str) -> list[Path]:
    """Run one stage of a study.

    Returns:
        The directories it wrote.

    Raises:
        MissingArtifactError: A stage before it is not done; the message names the command to run.
    """
    listed = tasks(study)
    todo = [task for task in listed if task.stage == stage and not _settled(study, task)]
    for task in listed:
        if STAGES.index(task.stage) >= STAGES.index(stage) or _settled(study, task):
            continue
        if not task.done():
            raise MissingArtifactError(
                f'{task.directory} is not finished, and "{stage}" needs it; run '
                f'"samedream {task.stage} {study.directory}" first'
            )
    _check_models(study, todo)
    for task in _with_outlook(study, todo):
        task.make()
    if stage == "comparison":
        write_answer(study)
    return [task.directory for task in todo]


def run_sweep(
    study: Study, k: Sequence[int], l1_strength: Sequence[float], *, model: str | None = None
) -> dict[str, tuple[Path, list["Point"]]]:
    """Train a dictionary for each pair of k and L1 weight, beside the study's own.

    Args:
        study: The study; hidden states have been read.
        k: Values of k; none: the study's own.
        l1_strength: Weights of the L1 penalty; none: the study's own.
        model: One model by its name, source or directory; None: each.

    Returns:
        Model → its sweep's directory and points.

    Raises:
        StudyFileError: There is no such model.
        MissingArtifactError: A model has not been read yet; the message names the command to run.
        TrainingError: The hidden states cannot be trained on, or the knobs do not fit the variant.
    """
    known = study.config.models
    chosen = [one for one in known if model is None or model in (one.slug, one.display_name, one.source)]
    if not chosen:
        names = ", ".join(one.slug for one in known)
        raise StudyFileError(f"{study.directory} has no model {model!r}; expected one of {names}")
    for one in chosen:
        if not (study.activations(one.slug) / artifacts.MANIFEST).exists():
            raise MissingArtifactError(
                f"{study.activations(one.slug)} is not finished, and a sweep needs it; run "
                f'"samedream activations {study.directory}" first'
            )
    from samedream.sae import run

    swept = {}
    for number, one in enumerate(chosen, 1):
        progress.set_context(f"[{number}/{len(chosen)} sweep {one.slug}] ")
        out = study.sae(one.slug).parent / "sweep"
        config, states = study.sae_config(one.slug), study.activations(one.slug)
        points = run.sweep(out, config, activations=states, source=one.source, k=k, l1_strength=l1_strength)
        swept[one.slug] = out, points
    progress.set_context()
    return swept


def write_answer(study: Study) -> None:
    """Write answer.json: the first pair's answer; a study of more models has every pair there, and all together."""
    from samedream.comparison.store import write_answer

    pairs = [study.comparison(*pair) for pair in study.pairs()]
    write_answer(study.directory / "answer.json", pairs, study.together)


def status(study: Study) -> list[dict[str, str]]:
    """State of every task: "done", "begun" (rerun to go on), "not needed" or "to do"."""
    rows = []
    for task in tasks(study):
        if task.done():
            state = "done"
        elif _settled(study, task):
            state = "deleted, not needed any more"
        else:
            state = "begun" if task.directory.exists() and any(task.directory.iterdir()) else "to do"
        rows.append({"stage": task.stage, "name": task.name, "state": state})
    return rows
