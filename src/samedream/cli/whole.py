"""Commands about a whole study, this machine and this instrument: run, status, models, selftest."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from samedream import progress
from samedream.cli.app import AsJson, Directory, Settings, app, dump, show, table
from samedream.errors import StudyFileError

ENOUGH_DRAWS = 20  # 40 intervals for each share


@app.command()
def run(
    study: Annotated[Path | None, typer.Argument(help="a study file (TOML)", metavar="STUDY.toml")] = None,
    models: Annotated[list[str] | None, typer.Option(help="a model source; give it twice or more")] = None,
    corpus: Annotated[str | None, typer.Option(help='a text source, or "sample"', metavar="SOURCE")] = None,
    out: Annotated[Path | None, typer.Option(help="the study's directory (default: runs/NAME)", metavar="DIR")] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Run a whole study, going on where an earlier run stopped; prints the verdict and where the report is."""
    from samedream import stages
    from samedream.study import Study, parse_study, read_study_file
    from samedream.study_file import override

    text = None
    if study is not None:
        if models or corpus:
            raise StudyFileError(
                "give either a study file or --models and --corpus, not both; single settings can be "
                "changed with --set, for example --set corpus.passages=500"
            )
        config, text = read_study_file(study, settings or [])
    else:
        # few enough for a laptop; a study file without `passages` reads all
        values: dict[str, Any] = {"models": models or [], "corpus": {"passages": 2000}}
        values["corpus"] |= {"source": corpus} if corpus else {}
        config = parse_study(override(values, settings or []), "the command line")
    opened = Study(config, out or Path("runs") / config.name)
    opened.save(text)
    answer = json.loads(stages.run_study(opened).read_text(encoding="utf-8"))
    if as_json:
        dump(answer)
    else:
        show(answer["verdict"])
        show(f"report: {opened.directory / 'report' / 'index.html'}")


@app.command()
def status(directory: Directory, as_json: AsJson = False) -> None:
    """Show which stages of a study are done."""
    from samedream import stages
    from samedream.study import open_study

    rows = stages.status(open_study(directory))
    dump(rows) if as_json else table(rows)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the model sources that can be had here without a download, and which are converted already."""
    from samedream.activations.sources import available_models

    rows = available_models()
    dump(rows) if as_json else table(rows)


@app.command()
def selftest(
    draws: Annotated[int, typer.Option(min=1, help="planted pairs for each shared fraction")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="of the first pair")] = 0,
    as_json: AsJson = False,
) -> None:
    """Read planted truths and known answers, and say how well the comparison reads them on this machine."""
    from samedream.planted import selftest as planted

    checks = planted.selftest(draws, seed)
    if as_json:
        dump([asdict(check) for check in checks])
    else:
        table([check.row() for check in checks])
    if not all(check.holds for check in checks):
        if draws < ENOUGH_DRAWS:
            progress.say(
                f"a mark is missed. With {draws} draws that may be chance, above all for intervals and splits: "
                f"samedream selftest --draws {ENOUGH_DRAWS} tells (docs/selftest.md)"
            )
        raise SystemExit(1)
