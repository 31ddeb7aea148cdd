"""What a study has to make: every stage's tasks in order, and how each is wired to its room's `run`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from samedream import artifacts
from samedream.comparison.labelled import DIRECTORY
from samedream.readers import EMBEDDING, frozen_of, repeat_of, states_of, twin_of
from samedream.study import Study

STAGES = ("corpus", "activations", "sae", "features", "labels", "comparison", "report")


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


def _labels(study: Study, reader: str, again: bool) -> None:
    from samedream.labels import run

    run.run(
        study.labels(reader),
        study.config.labels,
        features=study.features(reader),
        corpus=study.corpus,
        embedding=study.embedding,
        again=again,
    )


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


def _of_labels(study: Study, left: str, right: str) -> Path:
    """Where what is measured of two models' labels is."""
    return study.comparison(left, right) / DIRECTORY


def _words(study: Study, left: str, right: str) -> None:
    from samedream.comparison.labelled import run

    sides = {
        f"{side}{what}": of(model)
        for side, model in (("left", left), ("right", right))
        for what, of in (("", str), ("_repeat", repeat_of), ("_floor", twin_of))
    }
    run.run(
        _of_labels(study, left, right),
        study.config.comparison,
        study.config.labels,
        pair=study.comparison(left, right),
        features={side: study.features(reader) for side, reader in sides.items() if reader in study.readers()},
        labels=(study.labels(left), study.labels(right)),
        corpus=study.corpus,
        embedding=study.embedding,
        answers=study.embedding.parent / "answers",
    )


def _together(study: Study) -> None:
    from samedream.comparison import run

    names = {model.slug: model.display_name for model in study.config.models}
    pairs = {pair: study.comparison(*pair) for pair in study.pairs()}
    run.run_together(study.together, study.config.comparison, names=names, pairs=pairs)


def _report(study: Study) -> None:
    from samedream.report import run

    run.run(study.directory, study.config.report)


def labelled_readers(study: Study) -> list[str]:
    """The models, and their random twins: what labels and scores are worth where nothing was learned."""
    readers = study.readers()
    return [reader for m in study.models() for reader in (m, twin_of(m)) if reader in readers]


def tasks(study: Study, *, again: bool = False) -> list[Task]:
    """Every task of a study, in the order in which they can run; `again`: labels are made though they are there."""

    def of(stage: str, name: str, directory: Path, make: Callable[..., object], *arguments: object) -> Task:
        return Task(stage, name, directory, partial(make, *arguments))

    listed = [of("corpus", "passages", study.corpus, _corpus, study)]
    listed += [of("activations", r, study.activations(r), _activations, study, r) for r in study.sources()]
    listed += [of("sae", r, study.sae(r), _sae, study, r) for r in study.readers()]
    listed += [of("features", r, study.features(r), _features, study, r) for r in study.readers()]
    listed += [of("labels", EMBEDDING, study.embedding, _embedding, study)]
    listed += [of("labels", r, study.labels(r), _labels, study, r, again) for r in labelled_readers(study)]
    for a, b in study.pairs():
        listed.append(of("comparison", f"{a}--{b}", study.comparison(a, b), _comparison, study, a, b))
        listed.append(of("comparison", f"{a}--{b}/{DIRECTORY}", _of_labels(study, a, b), _words, study, a, b))
    if len(study.models()) > 2:
        listed += [of("comparison", "all", study.together, _together, study)]
    listed += [of("report", "page", study.directory / "report", _report, study)]
    return listed


def settled(study: Study, task: Task) -> bool:
    """Whether a task's hidden states were deleted after all that needs them was made: then it need not run again."""
    if task.stage not in ("activations", "sae", "features"):
        return False
    states = study.activations(task.name)
    return not (states / artifacts.MANIFEST).exists() and all(
        (study.features(reader) / artifacts.MANIFEST).exists()
        for reader in study.readers()
        if study.activations(reader) == states
    )
