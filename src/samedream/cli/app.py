"""What every command shares: the app, the arguments that recur, and how results are printed."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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


def show(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")


def dump(value: Any) -> None:
    """A value as JSON on stdout."""
    show(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: list[dict[str, Any]]) -> None:
    """Rows as an aligned table; the terminal's width where there is one."""
    if not rows:
        show("nothing to list")
        return
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for key in rows[0]:
        drawn.add_column(key, overflow="fold")
    for row in rows:
        drawn.add_row(*(str(value) for value in row.values()))
    width = None if sys.stdout.isatty() else max(shutil.get_terminal_size().columns, 160)
    Console(file=sys.stdout, width=width, highlight=False, markup=False).print(drawn)
