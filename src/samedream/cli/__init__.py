"""The command line: arguments only. Results go to stdout, progress to stderr; it never prompts."""

import sys
from typing import Annotated

import typer

from samedream import progress
from samedream.cli import stage, whole  # noqa: F401  (their commands are the app's)
from samedream.cli.app import app
from samedream.errors import SamedreamError


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
