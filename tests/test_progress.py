"""Progress in plain lines."""

import io
import re

import pytest
from rich.console import Console

from samedream import progress


def test_durations_in_words() -> None:
    assert [progress.duration(s) for s in (0, 59.4, 60, 200, 3600, 7500)] == [
        "0 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min",
    ]  # fmt: skip


def test_a_line_says_how_far_how_fast_and_how_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    step = progress.Step("reading", 300, "passages")
    step.skip(100)  # an earlier run did these: they do not enter the rate
    clock[0] += 10
    step.advance(50, note="loss 0.5")
    # 50 fresh in 10 s = 5/s; 150 of 300 are left = 30 s
    assert step.line() == "reading: 150/300 passages · 5.0/s · 30 s left · loss 0.5"


def test_plain_lines_go_to_stderr_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.0)
    progress.set_context("[2/9 sae] ", (60.0, 120.0))
    with progress.step("training", 2, "steps") as step:
        step.advance()
        step.advance(note="variance explained 0.9")
    progress.set_context()
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.split("  ", 1)[1] for line in err.splitlines()]
    assert lines[0] == "[2/9 sae] training (2 steps) · the study: about 3 min 0 s left"
    assert lines[1].startswith("[2/9 sae] training: 1/2 steps")
    assert lines[1].endswith("· the study: about 2 min 0 s left")  # this step's own estimate, and the 120 s after it
    assert lines[-1].startswith("[2/9 sae] training: 2 steps in 0 s")
    assert lines[-1].endswith("· variance explained 0.9")


def test_an_error_inside_a_step_still_closes_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), progress.step("reading", 5, "passages") as step:
        step.advance(3)
        raise KeyError
    assert "reading: 3 passages in" in capsys.readouterr().err


def test_on_a_terminal_the_numbers_fit_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=shown, width=80))
    progress.set_context("[6/21 sae gemma] ", (60.0, 300.0))
    step = progress._RichStep("training a dictionary of 2,560 features", 862, "steps")
    step.advance(431, note="variance explained 0.83, 0 dead")
    step.close()
    progress.set_context()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    assert "[6/21 sae gemma] training a dictionary of 2,560 features" in text
    assert re.search(r"431/862\s+steps.*the study: about 5 min", text)
