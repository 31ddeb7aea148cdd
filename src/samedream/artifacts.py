"""What a stage leaves on disk: files written atomically, and a manifest written last.

A stage directory is done when, and only when, its ``manifest.json`` exists. The manifest holds the resolved settings,
the fingerprints of what the stage read, counts, and the size and SHA-256 of every file. It holds no times and no paths,
so an interrupted and resumed run leaves the same bytes as an undisturbed one.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from samedream.errors import (
    CorruptArtifactError,
    DiskFullError,
    MissingArtifactError,
    StaleArtifactError,
)

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
STARTED = "started.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FileEntry(msgspec.Struct, frozen=True):
    """Size in bytes and SHA-256 (hex) of one file."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The sign that a stage is done; see the module's docstring."""

    schema_version: int
    stage: str
    code_version: str
    config: dict[str, Any]
    inputs: dict[str, str]
    counts: dict[str, Any]
    files: dict[str, FileEntry]

    def fingerprint(self) -> str:
        """Hash of what the stage holds: its settings, its inputs' fingerprints and its files' checksums."""
        essence = {
            "stage": self.stage,
            "config": self.config,
            "inputs": self.inputs,
            "files": {name: entry.sha256 for name, entry in self.files.items()},
        }
        return hashlib.sha256(canonical_json(essence)).hexdigest()


def code_version() -> str:
    """The installed version of samedream."""
    try:
        return version("samedream")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn "the disk is full" into an error that says so, for what is written inside.

    Raises:
        DiskFullError: The disk (or quota) is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            free = shutil.disk_usage(path.parent).free
            raise DiskFullError(
                f"no room to write {path}: {free / 1e6:.0f} MB free. Nothing is lost: free some space and rerun the "
                f"same command, it goes on from here"
            ) from error
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed, on failure removed.

    Raises:
        DiskFullError: The disk (or quota) is full. Nothing is left under `path` that was not there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with room_for(path):
            yield temporary
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON (sorted keys, two spaces) atomically; msgspec structs and dataclasses are converted."""
    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def file_entry(path: Path) -> FileEntry:
    """Size and checksum of a file, read once."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return FileEntry(bytes=path.stat().st_size, sha256=digest)


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a stage directory, or None when the stage is not done.

    Raises:
        CorruptArtifactError: The manifest is there but cannot be read.
    """
    path = directory / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, OSError) as error:
        raise CorruptArtifactError(
            f"{path} cannot be read ({error}); delete {directory} and rerun to make it again"
        ) from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise StaleArtifactError(
            f"{path} has schema version {manifest.schema_version}, this samedream reads {SCHEMA_VERSION}; "
            f"delete {directory} and rerun to make it again"
        )
    return manifest


def require_manifest(directory: Path) -> Manifest:
    """The manifest of a finished stage.

    Raises:
        MissingArtifactError: The stage has not run or has not finished; the message names the command to run.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        raise MissingArtifactError(
            f"{directory} is not finished: it has no {MANIFEST}. Run the stages before this one first "
            f'("samedream status DIR" shows which)'
        )
    return manifest


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(found.keys() | wanted.keys()):
        old, new = found.get(key), wanted.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", old, new


def _check_same(directory: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
    for field, old, new in _differences(found, wanted, ""):
        raise StaleArtifactError(
            f"{directory} was made with {what} {field} = {old!r}, now it is {new!r}. Nothing is reused silently: "
            f"delete {directory} (and the stages after it) to make it again, or give another --out"
        )


def already_done(directory: Path, stage: str, config: Mapping[str, Any], inputs: Mapping[str, str]) -> bool:
    """Whether a stage is done with exactly these settings and inputs.

    Args:
        directory: The stage's directory.
        stage: The stage's name.
        config: The resolved settings as plain JSON values.
        inputs: Name of each input → fingerprint of its directory.

    Raises:
        StaleArtifactError: It was done (or begun) with other settings or inputs; the message names the field.
    """
    wanted = json.loads(canonical_json(config))
    manifest = read_manifest(directory)
    if manifest is not None:
        _check_same(directory, {"stage": manifest.stage}, {"stage": stage}, "")
        _check_same(directory, manifest.config, wanted, "the setting")
        _check_same(directory, manifest.inputs, inputs, "the input")
        return True
    started = directory / STARTED
    if started.exists():
        try:
            found = json.loads(started.read_bytes())
        except ValueError as error:
            raise CorruptArtifactError(f"{started} is not JSON ({error}); delete {directory} and rerun") from error
        _check_same(directory, found["config"], wanted, "the setting")
        _check_same(directory, found["inputs"], inputs, "the input")
    return False


def begin(directory: Path, stage: str, config: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Note what a stage that resumes is being made from, so that a resume with other settings is an error."""
    for leftover in (*directory.rglob(".*.tmp"), *directory.rglob(".tmp*")):  # ours, and safetensors' own
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    write_json(directory / STARTED, {"stage": stage, "config": dict(config), "inputs": dict(inputs)})


def finish(
    directory: Path,
    stage: str,
    config: Mapping[str, Any],
    *,
    inputs: Mapping[str, str],
    counts: Mapping[str, Any],
    files: Iterable[Path],
) -> Manifest:
    """Write the manifest: the stage is done.

    Args:
        directory: The stage's directory.
        stage: The stage's name.
        config: The resolved settings as plain JSON values.
        inputs: Name of each input → fingerprint.
        counts: What was read, kept, dropped.
        files: The stage's files, below `directory`; each is checksummed.
    """
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        stage=stage,
        code_version=code_version(),
        config=json.loads(canonical_json(config)),
        inputs=dict(inputs),
        counts=dict(counts),
        files={str(path.relative_to(directory)): file_entry(path) for path in sorted(files)},
    )
    write_json(directory / MANIFEST, manifest)
    (directory / STARTED).unlink(missing_ok=True)
    return manifest


def verify(directory: Path, name: str) -> Path:
    """Check one file of a finished stage against its checksum and return its path.

    Raises:
        CorruptArtifactError: It is missing, or its size or checksum does not fit.
    """
    manifest = require_manifest(directory)
    path = directory / name
    entry = manifest.files.get(name)
    if entry is None or not path.exists():
        raise CorruptArtifactError(
            f"{path} is missing though {directory / MANIFEST} says the stage is done; "
            f"delete {directory} and rerun to make it again"
        )
    if file_entry(path) != entry:
        raise CorruptArtifactError(
            f"{path} does not fit its checksum in {MANIFEST} ({path.stat().st_size} bytes found, {entry.bytes} "
            f"expected); delete {directory} and rerun to make it again"
        )
    return path
