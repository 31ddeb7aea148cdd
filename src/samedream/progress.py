"""Progress that says what is being done, how far it is and how long is left.

On a terminal: rich bars. Elsewhere (logs, CI, batch systems): plain timed lines on stderr. Always stderr: stdout is for
results.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

_PLAIN_SECONDS = 10.0  # how often a plain line is printed
_prefix = ""
_quiet = False
_study: tuple[float, float] | None = None  # seconds the running task was thought to take, and those of all after it


def duration(seconds: float) -> str:
    """Seconds in words: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def set_context(prefix: str = "", study: tuple[float, float] | None = None) -> None:
    """Say where in the whole the next steps stand.

    Args:
        prefix: Shown before every line ("[3/21 sae gemma] ").
        study: Seconds that this task is thought to take, and all tasks after it; None outside a study.
    """
    global _prefix, _study  # one process shows one study
    _prefix, _study = prefix, study


def say(message: str) -> None:
    """One timed line on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {message}\n")
    sys.stderr.flush()


class _RateColumn(ProgressColumn):
    def render(self, task: "Task") -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


class Step:
    """A running step; call `advance` as work is done."""

    def __init__(self, what: str, total: float | None, unit: str) -> None:
        """Start the clock.

        Args:
            what: What is being done, in words.
            total: Units of work in all, or None when unknown.
            unit: What is counted ("passages").
        """
        self.what, self.total, self.unit = what, total, unit
        self.done = 0.0
        self.note = ""
        self.started = time.monotonic()
        self._first = 0.0  # work that was there already (a resume) says nothing about the rate

    def skip(self, amount: float) -> None:
        """Count work that an earlier run did: it does not enter the rate."""
        self._first += amount
        self.advance(amount)

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Count `amount` units as done; `note` (a loss, a count) is shown beside."""
        self.done += amount
        self.note = note or self.note
        self._show()

    def left(self) -> float | None:
        """Seconds left of this step at the rate so far, None while that cannot be told."""
        rate = self._rate()
        return (self.total - self.done) / rate if self.total and rate else None

    def _rate(self) -> float:
        elapsed = time.monotonic() - self.started
        return (self.done - self._first) / elapsed if elapsed > 0 else 0.0

    def line(self) -> str:
        """The step in one plain line: how far, how fast, how long is left."""
        parts = [f"{self.what}: {self.done:,.0f}" + (f"/{self.total:,.0f}" if self.total else "") + f" {self.unit}"]
        rate, left = self._rate(), self.left()
        if rate:
            parts.append(f"{rate:,.1f}/s")
            if left:
                parts.append(f"{duration(left)} left")
        if self.note:
            parts.append(self.note)
        return " · ".join(parts)

    def outlook(self) -> str:
        """How long the whole study still takes, as far as can be told; empty outside a study."""
        if _study is None:
            return ""
        this, after = _study
        left = self.left()
        return f" · the study: about {duration((this if left is None else left) + after)} left"

    def _show(self) -> None:
        """Nothing; the two ways of showing override it."""

    def close(self) -> None:
        """The step is over."""


class _PlainStep(Step):
    def __init__(self, what: str, total: float | None, unit: str) -> None:
        super().__init__(what, total, unit)
        self._last = self.started
        say(f"{_prefix}{what}" + (f" ({total:,.0f} {unit})" if total else "") + self.outlook())

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last >= _PLAIN_SECONDS:
            self._last = now
            say(f"{_prefix}{self.line()}{self.outlook()}")

    def close(self) -> None:
        elapsed = time.monotonic() - self.started
        say(
            f"{_prefix}{self.what}: {self.done:,.0f} {self.unit} in {duration(elapsed)}"
            + (f" · {self.note}" if self.note else "")
        )


class _RichStep(Step):
    """What is done on a line of its own, the bar below it: so that numbers stay readable in 80 columns."""

    def __init__(self, what: str, total: float | None, unit: str) -> None:
        super().__init__(what, total, unit)
        self._bar = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn(unit, table_column=Column(no_wrap=True)),
            _RateColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=Console(stderr=True),
            expand=True,
        )
        self._bar.console.print(_prefix + what, markup=False, highlight=False)
        self._task = self._bar.add_task("", total=total, note="")
        self._bar.start()

    def _show(self) -> None:
        parts = (self.outlook().removeprefix(" · "), self.note)
        self._bar.update(self._task, completed=self.done, note=" · ".join(part for part in parts if part))

    def close(self) -> None:
        self._bar.stop()


@contextmanager
def quiet() -> Iterator[None]:
    """Show no steps inside: for what is done many times over, where the whole has a step of its own."""
    global _quiet
    before, _quiet = _quiet, True
    try:
        yield
    finally:
        _quiet = before


@contextmanager
def step(what: str, total: float | None = None, unit: str = "steps") -> Iterator[Step]:
    """Show a long step while it runs.

    Args:
        what: What is being done, in words ("reading with gemma").
        total: Units of work in all, or None when unknown.
        unit: What is counted ("passages", "steps").

    Yields:
        The step; call its `advance`.
    """
    kind = Step if _quiet else _RichStep if sys.stderr.isatty() else _PlainStep
    shown = kind(what, total, unit)
    try:
        yield shown
    finally:
        shown.close()
