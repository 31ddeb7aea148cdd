"""Rating labels: the one place where a command asks something, and only when told to."""

import sys
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from samedream.cli.app import dump, show
from samedream.errors import MissingArtifactError, StudyFileError
from samedream.study import Study, open_study


def rate(directory: Path, count: int, rater: str) -> None:
    """Ask for ratings in the terminal, then say how far they agree with the scores."""
    from samedream.labels.rating.records import FILE
    from samedream.labels.rating.session import open_models
    from samedream.labels.rating.session import rate as ask

    study = open_study(directory)
    models = open_models(
        study.corpus, {model: (study.features(model), study.labels(model)) for model in study.models()}
    )
    path = study.directory / "labels" / FILE
    done = ask(models, path, count=count, rater=rater, read=_Typed(), show=show)
    show(f"\n{done} of {count} rated by {rater}; kept in {path}")
    _show_agreement(study)


def ratings(directory: Path, as_json: bool) -> None:
    """Print how far ratings agree with the scores."""
    _show_agreement(open_study(directory), as_json=as_json)


class _Typed:
    """Lines that are typed, or piped in; where not one comes, that is an error and not an empty session."""

    def __init__(self) -> None:
        self._any = sys.stdin.isatty()

    def __call__(self, prompt: str) -> str:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line and not self._any:
            raise StudyFileError(
                "--rate asks questions, and there is no terminal to ask in, nor an answer on standard input; run it in "
                "a terminal"
            )
        self._any = True
        if not line:
            raise EOFError
        return line


def _show_agreement(study: Study, *, as_json: bool = False) -> None:
    from samedream.labels.rating.agreement import agreements, sentence
    from samedream.labels.rating.records import FILE, load
    from samedream.labels.store import load_labels

    path = study.directory / "labels" / FILE
    given = load(path)
    if not given:
        raise MissingArtifactError(
            f'{path} holds no ratings; make some with "samedream labels {study.directory} --rate 30"'
        )
    rows: dict[str, Any] = {model: load_labels(study.labels(model)).to_pylist() for model in study.models()}
    found = agreements(given, rows)
    if as_json:
        dump([to_builtins(one) for one in found])
    else:
        for one in found:
            show(sentence(one))
