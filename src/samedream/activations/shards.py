"""One shard on disk: the rows of a fixed number of passages, as safetensors.

Tensors: for each layer `<layer>` (bfloat16 [rows, d]) and `<layer>.norm` (float32 [rows]); `passage` (int64 [rows],
index into the corpus), `start` and `end` (int32 [rows], characters). The header holds what the shard was made from (its
signature), a CRC-32 over the tensors and what was counted, as one JSON value: safetensors keeps no order of keys.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from samedream.artifacts import atomic_path, canonical_json
from samedream.errors import CorruptArtifactError

_KEY = "samedream"


class ShardHeader(msgspec.Struct, frozen=True):
    """What a shard says of itself.

    Attributes:
        signature: Hash of the settings, the weights and the passages it was made from.
        crc32: Over all tensors' bytes, in the order of their names.
        counts: What was read and left out.
    """

    signature: str
    crc32: int
    counts: dict[str, Any]


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.safetensors"


def norm_key(layer: str) -> str:
    """Name of the tensor with a layer's norms."""
    return f"{layer}.norm"


def _crc32(tensors: Mapping[str, torch.Tensor]) -> int:
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(name.encode(), value)
        data = tensors[name].contiguous()
        if data.numel():
            value = zlib.crc32(data.view(torch.uint8).numpy().data, value)
    return value


def write_shard(path: Path, tensors: Mapping[str, torch.Tensor], *, signature: str, counts: Mapping[str, Any]) -> None:
    """Write a shard atomically.

    Raises:
        DiskFullError: The disk is full.
    """
    header = ShardHeader(signature, _crc32(tensors), dict(counts))
    metadata = {_KEY: canonical_json(msgspec.to_builtins(header)).decode()}
    with atomic_path(path) as temporary:
        try:
            save_file(dict(tensors), temporary, metadata=metadata)
        except SafetensorError as error:
            raise _as_os_error(error) from error


def _as_os_error(error: Exception) -> Exception:
    """The library hides the errno of a failed write in its text ("... (os error 28)")."""
    _, found, rest = str(error).rpartition("os error ")
    digits = rest.split(")")[0]
    return OSError(int(digits), str(error)) if found and digits.isdigit() else error


def read_header(path: Path) -> ShardHeader | None:
    """A shard's header, or None when the file is not there or is not a whole shard."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as handle:
            return msgspec.json.decode((handle.metadata() or {}).get(_KEY, ""), type=ShardHeader)
    except (SafetensorError, OSError, msgspec.DecodeError, json.JSONDecodeError):
        return None


def read_tensors(path: Path, names: Iterable[str] | None = None) -> dict[str, torch.Tensor]:
    """Read tensors of a shard; all of them (then the checksum is checked), or only `names`.

    Raises:
        CorruptArtifactError: The file is missing or damaged, or its checksum does not fit.
    """
    try:
        with safe_open(path, framework="pt") as handle:
            header = msgspec.json.decode((handle.metadata() or {}).get(_KEY, ""), type=ShardHeader)
            tensors = {name: handle.get_tensor(name) for name in (handle.keys() if names is None else names)}
    except (SafetensorError, OSError, msgspec.DecodeError) as error:
        raise CorruptArtifactError(f"{path} cannot be read ({error}); {remedy(path)}") from error
    if names is None and _crc32(tensors) != header.crc32:
        raise CorruptArtifactError(f"{path} does not fit its checksum; {remedy(path)}")
    return tensors


def remedy(path: Path) -> str:
    """What to do about a damaged shard."""
    return f"delete {path.parent / 'manifest.json'} and rerun the activations stage: only damaged shards are made again"


def is_whole(path: Path, signature: str) -> bool:
    """Whether a shard is there, was made from the same things, and is undamaged."""
    header = read_header(path)
    if header is None or header.signature != signature:
        return False
    try:
        read_tensors(path)
    except CorruptArtifactError:
        return False
    return True
