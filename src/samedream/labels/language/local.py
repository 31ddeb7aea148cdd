"""A language model on this machine: xllamacpp's server (llama.cpp) in a process of its own, while it is needed.

The server listens on 127.0.0.1, on a free port, and wants a key that is made for this one run. Its process ends when
ours does, however ours ends: it waits for the end of its standard input.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from samedream import artifacts, progress
from samedream.activations.conversion import content_sha256
from samedream.activations.gguf_file import check_gguf
from samedream.activations.wheels import GgufFiles, find_in_wheel
from samedream.errors import ModelError, ModelNotFoundError

SECONDS = 1800.0  # an answer is waited for: a long prompt on a slow processor
CONTEXT = 8192  # tokens of a prompt and its answer
_WHEEL = "wheel:"
_SMALL_BYTES, _SMALL_PARAMETERS = 500e6, 1e9
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class LocalModel:
    """A GGUF on this machine.

    Attributes:
        name: What it is called: the file's or the distribution's name.
        files: The file, or its parts.
        sha256: Of the whole.
    """

    name: str
    files: tuple[Path, ...]
    sha256: str

    def warning(self) -> str | None:
        """What to say of a model that is too small for the task; None for others."""
        size = sum(path.stat().st_size for path in self.files)
        parameters = check_gguf(self.files[0]) if len(self.files) == 1 else None
        if size >= _SMALL_BYTES and (parameters is None or parameters >= _SMALL_PARAMETERS):
            return None
        counted = f"{parameters / 1e6:,.0f} million parameters, " if parameters is not None else ""
        return (
            f"{self.name} is small ({counted}{size / 1e6:,.0f} MB): a model of this size gives poor labels, "
            f"often wrong ones; see their scores before you believe them"
        )


def find(source: str) -> LocalModel:
    """Find a model.

    Args:
        source: path.gguf or wheel:NAME.

    Raises:
        ModelNotFoundError: It is not here.
        ModelError: It is no GGUF, or not a whole one.
    """
    if source.startswith(_WHEEL):
        found = find_in_wheel(source.removeprefix(_WHEEL))
        if not isinstance(found, GgufFiles):
            raise ModelError(f"{source} holds safetensors, but the local server reads GGUF only; give a .gguf file")
        return LocalModel(source.removeprefix(_WHEEL), found.paths, content_sha256(found.paths))
    path = Path(source).expanduser()
    if path.suffix != ".gguf" or not path.is_file():
        raise ModelNotFoundError(
            f'no file {path}; give local:PATH.gguf or local:wheel:NAME ("samedream models" lists what is here)'
        )
    check_gguf(path)
    return LocalModel(path.name, (path,), content_sha256([path]))


@contextmanager
def served(model: LocalModel) -> Iterator[tuple[str, str]]:
    """Serve a model while inside. It answers one question after the other: candidates then share their prompt.

    Yields:
        The server's address (http://127.0.0.1:PORT) and its key.

    Raises:
        ModelError: The server does not start; the message holds the end of what it said.
        DiskFullError: There is no room to put a model's parts together.
    """
    with tempfile.TemporaryDirectory(prefix="samedream-") as space:
        path = _whole(model, Path(space))
        key = secrets.token_hex(16)
        order = {"path": str(path.resolve()), "key": key, "context": CONTEXT}
        with (Path(space) / "log").open("w+b") as log:
            progress.say(f"starting a server for {model.name}")
            process = subprocess.Popen(
                [sys.executable, "-m", "samedream.labels.language.serving"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we then stop it
                env=os.environ | {"OMP_WAIT_POLICY": "passive"},  # threads that wait leave the cores to others
            )
            try:
                yield _address(process, order, model, log), key
            finally:
                _stop(process)


def _whole(model: LocalModel, space: Path) -> Path:
    """The model as one file; parts are put together in `space`."""
    if len(model.files) == 1:
        return model.files[0]
    path = space / "model.gguf"
    with artifacts.room_for(path), path.open("wb") as whole:
        for part in model.files:
            with part.open("rb") as handle:
                shutil.copyfileobj(handle, whole, 1 << 20)
    return path


def _address(process: "subprocess.Popen[bytes]", order: dict[str, object], model: LocalModel, log: IO[bytes]) -> str:
    """Tell the server what to serve and wait until it does."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")  # not an argument: others can read those
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it has ended; what it said is in the log
    for line in process.stdout:
        if line.startswith(b"listening "):
            return line.split()[1].decode()
    code = process.wait()
    log.seek(0)
    said = " / ".join(log.read().decode("utf-8", "replace").strip().splitlines()[-5:])
    raise ModelError(f"the server for {model.name} did not start (exit status {code}): {said[-600:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.close()  # the sign to end
    except BrokenPipeError:
        pass
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
