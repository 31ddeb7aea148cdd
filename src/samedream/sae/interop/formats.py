"""Which format a directory is of, told by its files."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError
from samedream.sae.interop import dictionary_learning, gemma_scope, saelens, sparsify
from samedream.sae.interop.weights import Weights


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is told, and read.

    Attributes:
        name: Whose it is.
        weights: The file that tells it.
        config: The file that must lie beside it, or None.
        read: Reads a dictionary, given the path of its `weights`.
    """

    name: str
    weights: str
    config: str | None
    read: Callable[[Path], Weights]

    def __str__(self) -> str:
        files = self.weights if self.config is None else f"{self.config} and {self.weights}"
        return f"{files} ({self.name})"


FORMATS = (
    Format("SAELens", saelens.WEIGHTS, saelens.CONFIG, saelens.read),
    Format("dictionary_learning", dictionary_learning.WEIGHTS, dictionary_learning.CONFIG, dictionary_learning.read),
    Format("sparsify", sparsify.WEIGHTS, sparsify.CONFIG, sparsify.read),
    Format("Gemma Scope", gemma_scope.NPZ, None, gemma_scope.read),
    Format("Gemma Scope 2", gemma_scope.SAFETENSORS, None, gemma_scope.read),
)
_READ = "; ".join(str(format) for format in FORMATS)


@dataclass(frozen=True, slots=True)
class Found:
    """A dictionary on disk, not read yet.

    Attributes:
        path: Its file of weights.
        format: What it is.
    """

    path: Path
    format: Format

    def weights(self) -> Weights:
        """Read it; raises what the format's reader raises."""
        return self.format.read(self.path)

    def fingerprint(self) -> str:
        """A hash of its files' contents: the same wherever they lie."""
        beside = self.path.with_name(self.format.config or gemma_scope.CONFIG)
        files = [file for file in (self.path, beside) if file.is_file()]
        essence = {"format": self.format.name, "files": [artifacts.file_entry(file).sha256 for file in files]}
        return hashlib.sha256(artifacts.canonical_json(essence)).hexdigest()


def find(path: Path) -> Found:
    """Tell a dictionary by its files; none is opened.

    Args:
        path: Its directory, or one of its files.

    Raises:
        MissingArtifactError: There is nothing there, or nothing that is read.
        CorruptArtifactError: The directory holds dictionaries of two formats.
    """
    path = path.expanduser()
    if not path.exists():
        raise MissingArtifactError(
            f"there is no {path}: expected a dictionary, a directory with {_READ}. A relative path starts where "
            f"samedream is run"
        )
    if path.is_file():
        return _named_file(path)
    found = [Found(path / format.weights, format) for format in FORMATS if (path / format.weights).is_file()]
    if len(found) > 1:
        names = " and ".join(one.path.name for one in found)
        raise CorruptArtifactError(
            f"{path} holds more than one dictionary ({names}): give the path of the one you mean"
        )
    if not found:
        listed = sorted(entry.name for entry in path.iterdir())
        shown = ", ".join(listed[:8]) + (", …" if len(listed) > 8 else "")
        raise MissingArtifactError(f"{path} holds no dictionary: found {shown or 'nothing'}; expected {_READ}")
    return found[0]


def _named_file(path: Path) -> Found:
    """A dictionary one of whose files was given; tensors of any other name are read as Gemma Scope's."""
    for format in FORMATS:
        if path.name == format.weights:
            return Found(path, format)
    if path.suffix in (".npz", ".safetensors"):
        return Found(path, Format("Gemma Scope", path.name, None, gemma_scope.read))
    if path.suffix == ".json":
        return find(path.parent)
    raise MissingArtifactError(f"{path} is no dictionary: expected {_READ}, or their directory")
