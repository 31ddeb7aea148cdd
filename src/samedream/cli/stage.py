"""One command for each stage of a study."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from samedream.cli import asking
from samedream.cli.app import AsJson, Directory, app, dump, show, table
from samedream.errors import StudyFileError


def _stage(directory: Path, stage: str, as_json: bool) -> None:
    from samedream import stages
    from samedream.study import open_study

    _show_written(stages.run_stage(open_study(directory), stage), stage, as_json)


def _show_written(written: list[Path], stage: str, as_json: bool) -> None:
    from samedream import artifacts

    if as_json:
        # two models' comparison says what it found in its summary; other stages in their counts
        dump({str(path): artifacts.require_manifest(path).counts | _summary(path) for path in written})
    else:
        for path in written:
            show(f"{stage}: {path}")


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
    show(str(picture))


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
        dump({name: {"directory": str(swept[name][0]), "points": found} for name, found in points.items()})
        return
    for name, (out, found) in swept.items():
        show(name)
        table([point.row() for point in found])
        show(f"picture: {out / 'frontier.svg'}")


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
def labels(
    directory: Directory,
    llm: asking.Llm = None,
    scorer: asking.Scorer = None,
    base_url: asking.BaseUrl = None,
    features: asking.Features = None,
    budget: asking.Budget = None,
    price_in: asking.PriceIn = None,
    price_out: asking.PriceOut = None,
    dry_run: asking.DryRun = False,
    rate: Annotated[
        int | None, typer.Option(min=1, help="rate so many labels yourself, blind; asks in the terminal", metavar="N")
    ] = None,
    rater: Annotated[str, typer.Option(help="with --rate: who rates", metavar="NAME")] = "me",
    ratings: Annotated[bool, typer.Option("--ratings", help="how far ratings agree with the scores")] = False,
    as_json: AsJson = False,
) -> None:
    """Give each feature a meaning; --llm: in a language model's words; --rate: say yourself whether labels fit.

    What --llm and the options below it say becomes the study's setting, and labels that are there are made again.
    """
    from samedream import stages
    from samedream.cli import rating

    if rate is not None:
        rating.rate(directory, rate, rater)
        return
    if ratings:
        rating.ratings(directory, as_json)
        return
    options = {"llm": llm, "scorer": scorer, "base_url": base_url, "features": features}
    options |= {"price_in": price_in, "price_out": price_out} | asking.budget(budget)
    study, changed = asking.with_options(directory, options)
    if dry_run:
        asking.rehearse(study)
        return
    written = stages.run_stage(study, "labels", again=changed)
    if changed:
        study.save()  # only now: until then what is finished fits the old settings
        asking.say_outdated(study)
    _show_written(written, "labels", as_json)


@app.command()
def comparison(directory: Directory, as_json: AsJson = False) -> None:
    """Say which features the models share, with null, floor and ceiling."""
    _stage(directory, "comparison", as_json)
    if not as_json:
        from samedream.report.printed import printed

        for sentence, rows in printed(directory):
            if sentence:
                show(sentence)
            if rows:
                table(rows)


@app.command()
def report(directory: Directory, as_json: AsJson = False) -> None:
    """Write the page: one self-contained HTML file."""
    _stage(directory, "report", as_json)
