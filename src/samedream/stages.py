"""Running a study: its tasks in order, one stage of it, a sweep beside it, and where it stands."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from samedream import artifacts, progress
from samedream.errors import MissingArtifactError, StudyFileError
from samedream.study import Study
from samedream.tasks import STAGES, Task, labelled_readers, settled, tasks

if TYPE_CHECKING:
    from samedream.sae.frontier import Point

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
    "labelled": 3.0,
}


def _check_models(study: Study, todo: list[Task]) -> None:
    """Meet a missing model or layer before the first model is read, not hours later."""
    missing = [task for task in todo if task.stage == "activations" and not task.done() and not settled(study, task)]
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


def _weight(task: Task) -> float:
    return _WEIGHT.get(task.directory.name, _WEIGHT[task.stage])


def _with_outlook(study: Study, todo: list[Task]) -> Iterator[Task]:
    """Yield the tasks one by one, telling the progress display where in the whole each stands and how long is left."""
    scale = (study.config.corpus.passages or 10_000) / 1000
    weights = [0.0 if task.done() else scale * _weight(task) for task in todo]
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
        if not settled(study, task):
            task.make()
        if task.stage == "comparison":
            write_answer(study)
    return study.directory / "answer.json"


def run_stage(study: Study, stage: str, *, again: bool = False) -> list[Path]:
    """Run one stage of a study.

    Args:
        study: The study.
        stage: The stage's name.
        again: Make labels again that are there already.

    Returns:
        The directories it wrote.

    Raises:
        MissingArtifactError: A stage before it is not done; the message names the command to run.
    """
    listed = tasks(study, again=again)
    todo = [task for task in listed if task.stage == stage and not settled(study, task)]
    for task in listed:
        if STAGES.index(task.stage) >= STAGES.index(stage) or settled(study, task):
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


def rehearse_labels(study: Study, show: Callable[[str], None]) -> None:
    """Show what a language model would be asked about each model's features, and what it would cost.

    Raises:
        MissingArtifactError: A stage before the labels is not done.
    """
    from samedream.labels import run

    run.rehearse(
        study.config.labels,
        {reader: study.features(reader) for reader in labelled_readers(study)},
        labels=study.embedding.parent,
        corpus=study.corpus,
        show=show,
    )


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
        elif settled(study, task):
            state = "deleted, not needed any more"
        else:
            state = "begun" if task.directory.exists() and any(task.directory.iterdir()) else "to do"
        rows.append({"stage": task.stage, "name": task.name, "state": state})
    return rows
