"""Opening files of tensors and settings so that a damaged, foreign or dangerous one is a clear error."""

import json
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from samedream.errors import CorruptArtifactError, MissingArtifactError, UnsafeWeightsError

_WHOLE = ("k", "group_sizes")  # of dictionary_learning; weights are no whole numbers
AGAIN = "copy the dictionary again, or, if the sae stage wrote it, delete its directory and rerun that stage"


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    Raises:
        MissingArtifactError: There is no such file.
        CorruptArtifactError: It is not JSON, or no object.
    """
    try:
        config = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise MissingArtifactError(f"{path.parent} holds no dictionary: there is no {path.name}; {AGAIN}") from None
    except (ValueError, RecursionError) as error:
        raise CorruptArtifactError(f"{path} is not JSON ({error}); {AGAIN}") from error
    if not isinstance(config, dict):
        raise CorruptArtifactError(f"{path} holds a {type(config).__name__}, expected an object; {AGAIN}")
    return config


def whole(config: Mapping[str, Any], key: str, path: Path) -> int:
    """A whole number above 0 among the settings of `path`.

    Raises:
        CorruptArtifactError: It is not there, or something else.
    """
    if key not in config:
        raise CorruptArtifactError(f"{path} has no key {key!r}; {AGAIN}")
    value = config[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CorruptArtifactError(f"{path}: {key} is {value!r}, expected a whole number; {AGAIN}")
    return value


def flag(config: Mapping[str, Any], key: str, path: Path, *, default: bool) -> bool:
    """A yes or no among the settings of `path`.

    Raises:
        CorruptArtifactError: It is something else.
    """
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise CorruptArtifactError(f"{path}: {key} is {value!r}, expected true or false; {AGAIN}")
    return value


def mapping(config: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """An object among the settings of `path`; empty where it is not there.

    Raises:
        CorruptArtifactError: It is something else.
    """
    value = config.get(key)
    if value is not None and not isinstance(value, dict):
        raise CorruptArtifactError(f"{path}: {key} is {value!r}, expected an object; {AGAIN}")
    return value or {}


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file, as they are.

    Raises:
        MissingArtifactError: There is no such file.
        CorruptArtifactError: It cannot be read.
    """
    if not path.is_file():
        raise MissingArtifactError(f"{path.parent} holds no dictionary: there is no {path.name}; {AGAIN}")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_npz(path: Path) -> dict[str, torch.Tensor]:
    """All arrays of an .npz file; pickled objects in it are refused.

    Raises:
        CorruptArtifactError: It cannot be read, or holds something else than numbers.
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:  # numpy leaves a bad file open
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error


def read_pt(path: Path) -> dict[str, torch.Tensor]:
    """A state dict saved by torch. Only tensors are read: a pickle may hold code, which is never run.

    Raises:
        UnsafeWeightsError: It holds more than tensors.
        CorruptArtifactError: It cannot be read, or is no state dict.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # that a pickle is of an unusual protocol, and the like
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader has no error of its own: the file's content decides what it raises
        named = _beyond_tensors(path, error)
        if named is None:
            raise CorruptArtifactError(
                f"{path} cannot be read ({type(error).__name__}): expected what torch.save writes, whole; {AGAIN}"
            ) from error
        raise UnsafeWeightsError(
            f"{path} is a pickle that holds more than tensors ({named}): opening it could run any code, so it is not "
            f"opened. Where you trust it, load it with the library it is from and save its tensors alone: "
            f"torch.save(dictionary.state_dict(), {path.name!r})"
        ) from error
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in found.items()
    ):
        raise CorruptArtifactError(
            f"{path} holds a {type(found).__name__} that is no state dict, expected names and tensors; save the "
            f"dictionary again: torch.save(dictionary.state_dict(), {path.name!r})"
        )
    return found


def _beyond_tensors(path: Path, error: Exception) -> str | None:
    """What a pickle holds that torch's reader of tensors refused, or None where the file is just damaged."""
    if found := re.search(r"GLOBAL (\S+)", str(error)):
        return found[1]
    with path.open("rb") as file:
        is_pickle = file.read(1) == b"\x80"
    return "not written by torch.save" if is_pickle and "Unpickling" in type(error).__name__ else None


def _unreadable(path: Path, error: Exception) -> CorruptArtifactError:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return CorruptArtifactError(f"{path} cannot be read ({reason}); {AGAIN}")


def fitting(
    path: Path, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, Sequence[int]]
) -> dict[str, torch.Tensor]:
    """Exactly the expected tensors, checked.

    Args:
        path: Where they are from, for messages.
        tensors: What was found.
        shapes: Name → shape of every tensor there must be.

    Returns:
        The tensors as float32, contiguous.

    Raises:
        CorruptArtifactError: One is missing, too much, of another shape, no plain float numbers, or not finite.
    """
    if tensors.keys() != shapes.keys():
        raise CorruptArtifactError(
            f"{path} has the tensors {', '.join(sorted(tensors)) or 'none'}; expected {', '.join(sorted(shapes))}; "
            f"{AGAIN}"
        )
    for name, shape in shapes.items():
        tensor = tensors[name]
        if list(tensor.shape) != list(shape):
            raise CorruptArtifactError(
                f"{path}: {name} has shape {list(tensor.shape)}, expected {list(shape)}; {AGAIN}"
            )
        if tensor.layout != torch.strided or not (tensor.is_floating_point() or name in _WHOLE):
            raise CorruptArtifactError(f"{path}: {name} is {tensor.type()}, expected plain float numbers; {AGAIN}")
        if not bool(tensor.float().isfinite().all()):
            raise CorruptArtifactError(f"{path}: {name} has NaN or infinite values; {AGAIN}")
    return {name: tensors[name].float().contiguous() for name in shapes}
