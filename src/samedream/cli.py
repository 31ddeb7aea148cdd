"""The command line: arguments only. Results go to stdout, progress to stderr; it never prompts."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from samedream import progress
from samedream.errors import SamedreamError, StudyFileError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Do two language models dream of the same electric sheep? Read the same passages with several models, train a "
    "sparse autoencoder on each, and see which concepts they share.",
)
Directory = Annotated[Path, typer.Argument(help="the study's directory", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override one setting")]


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _dump(value: Any) -> None:
    _print(json.dumps(value, indent=2, ensure_ascii=False))


def _table(rows: list[dict[str, Any]]) -> None:
    """Rows as an aligned table; the terminal's width where there is one."""
    if not rows:
        _print("nothing to list")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for key in rows[0]:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    width = None if sys.stdout.isatty() else max(shutil.get_terminal_size().columns, 160)
    Console(file=sys.stdout, width=width, highlight=False, markup=False).print(table)


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
        _dump(answer)
    else:
        _print(answer["verdict"])
        _print(f"report: {opened.directory / 'report' / 'index.html'}")


def _stage(directory: Path, stage: str, as_json: bool) -> None:
    from samedream import artifacts, stages
    from samedream.study import open_study

    written = stages.run_stage(open_study(directory), stage)
    if as_json:
        # two models' comparison says what it found in its summary; other stages in their counts
        _dump({str(path): artifacts.require_manifest(path).counts | _summary(path) for path in written})
    else:
        for path in written:
            _print(f"{stage}: {path}")


def _summary(path: Path) -> dict[str, Any]:
    """What the comparison of two models found; nothing for other directories."""
    if path.parent.name != "comparison" or "--" not in path.name:
        return {}
    return {"summary": json.loads((path / "summary.json").read_bytes())}


@app.command()
def corpus(directory: Directory, as_json: AsJson = False) -> None:
    """Choose the passages that every model reads."""
    _stage(directory, "corpus", as_json)


@app.command()
def activations(
    directory: Directory,
    plot: Annotated[bool, typer.Option("--plot", help="draw the mean activation of each dimension")] = False,
    beside: Annotated[
        list[Path] | None, typer.Option(help="with --plot: another study to draw in the same picture", metavar="DIR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the passages with each model and keep its hidden states; --plot draws their mean per dimension."""
    if not plot:
        _stage(directory, "activations", as_json)
        return
    from samedream.activations.plot import plot_mean_activations
    from samedream.study import open_study

    stores = {}
    for place in [directory, *(beside or [])]:
        study = open_study(place)
        for model in study.config.models:
            label = f"{model.display_name} · {study.config.name}" if beside else model.display_name
            stores[label] = study.activations(model.slug)
    picture = directory / "activations" / "mean-activation.png"
    plot_mean_activations(stores, picture)
    _print(str(picture))


@app.command()
def sae(
    directory: Directory,
    sweep: Annotated[
        list[str] | None,
        typer.Option(help="k=16,32,64 or l1_strength=0,1e-3; give it twice for both", metavar="KNOB=VALUES"),
    ] = None,
    model: Annotated[str | None, typer.Option(help="with --sweep: one model, not each", metavar="NAME")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a sparse autoencoder on each model's hidden states; --sweep: one for each value, beside the study's."""
    if not sweep:
        if model is not None:
            raise StudyFileError("--model says whose dictionaries --sweep trains: give --sweep too, or leave it out")
        _stage(directory, "sae", as_json)
        return
    k, l1_strength = _knobs(sweep)
    from samedream import stages
    from samedream.study import open_study

    swept = stages.run_sweep(open_study(directory), k, l1_strength, model=model)
    if as_json:
        points = {name: [asdict(point) for point in found] for name, (_, found) in swept.items()}
        _dump({name: {"directory": str(swept[name][0]), "points": found} for name, found in points.items()})
        return
    for name, (out, found) in swept.items():
        _print(name)
        _table([point.row() for point in found])
        _print(f"picture: {out / 'frontier.svg'}")


def _knobs(assignments: list[str]) -> tuple[list[int], list[float]]:
    """What --sweep says: values of k and of l1_strength."""
    k: list[int] = []
    l1_strength: list[float] = []
    for assignment in assignments:
        knob, _, values = assignment.partition("=")
        try:
            if knob == "k":
                k += [int(value) for value in values.split(",")]
            elif knob == "l1_strength":
                l1_strength += [float(value) for value in values.split(",")]
            else:
                raise ValueError
        except ValueError:
            raise StudyFileError(
                f"--sweep {assignment}: expected k and whole numbers or l1_strength and numbers, for example "
                f"--sweep k=16,32,64 --sweep l1_strength=0,1e-3"
            ) from None
    return k, l1_strength


@app.command()
def features(directory: Directory, as_json: AsJson = False) -> None:
    """Find the passages that excite each feature."""
    _stage(directory, "features", as_json)


@app.command()
def labels(directory: Directory, as_json: AsJson = False) -> None:
    """Give each feature a meaning."""
    _stage(directory, "labels", as_json)


@app.command()
def comparison(directory: Directory, as_json: AsJson = False) -> None:
    """Say which features the models share, with null, floor and ceiling."""
    _stage(directory, "comparison", as_json)
    if not as_json:
        from samedream.report.printed import printed

        for sentence, rows in printed(directory):
            if sentence:
                _print(sentence)
            if rows:
                _table(rows)


@app.command()
def report(directory: Directory, as_json: AsJson = False) -> None:
    """Write the page: one self-contained HTML file."""
    _stage(directory, "report", as_json)


@app.command()
def status(directory: Directory, as_json: AsJson = False) -> None:
    """Show which stages of a study are done."""
    from samedream import stages
    from samedream.study import open_study

    rows = stages.status(open_study(directory))
    _dump(rows) if as_json else _table(rows)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the model sources that can be had here without a download, and which are converted already."""
    from samedream.activations.sources import available_models

    rows = available_models()
    _dump(rows) if as_json else _table(rows)


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
        _dump([asdict(check) for check in checks])
    else:
        _table([check.row() for check in checks])
    if not all(check.holds for check in checks):
        raise SystemExit(1)


@app.callback()
def _options(traceback: Annotated[bool, typer.Option(help="show where an error comes from")] = False) -> None:
    """Options of every command."""  # `main` reads --traceback itself: it must know it before anything can fail


def main() -> None:
    """Run the command line; an error made on purpose is a message and exit status 1, never a traceback."""
    try:
        app()
    except SamedreamError as error:
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"samedream: {error}\n")
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemExit) as stop:  # typer makes Ctrl-C an exit of status 130, and says nothing
        if isinstance(stop, SystemExit) and stop.code != 130:
            raise
        progress.say("interrupted; nothing is lost, the same command goes on from here")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
