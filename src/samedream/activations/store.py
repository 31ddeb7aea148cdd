"""Reading the hidden states of a finished harvest. Special tokens and attention sinks are already left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch

from samedream import artifacts
from samedream.activations.rows import StoredRows
from samedream.activations.shards import norm_key, read_tensors
from samedream.errors import CorruptArtifactError, LayerError, StaleArtifactError

STAGE = "activations"
PASSAGES = "passages.parquet"


class LayerCounts(msgspec.Struct, frozen=True):
    """One layer of a harvest.

    Attributes:
        d_model: Width of its vectors.
        rows: Rows in the shards, sinks included.
        median_norm: Median of the rows' norms.
        sink_threshold: Rows with a norm above this are attention sinks.
        sink_rows: How many there are.
    """

    d_model: int
    rows: int
    median_norm: float
    sink_threshold: float
    sink_rows: int


class Shard(NamedTuple):
    """Rows of a harvest, in the order of the corpus.

    Attributes:
        vectors: Hidden states, float32 [rows, d].
        passage: Index into the store's `passage_ids`, int64 [rows], ascending.
        start: First character of the token's span, int32 [rows].
        end: One past its last character, int32 [rows].
    """

    vectors: torch.Tensor
    passage: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]


class ActivationStore:
    """A finished harvest on disk; reads one shard at a time."""

    def __init__(self, directory: Path, manifest: artifacts.Manifest) -> None:
        """Use `open`."""
        self.directory, self.manifest = directory, manifest
        self.layer_counts: dict[str, LayerCounts] = {
            layer["name"]: msgspec.convert({k: v for k, v in layer.items() if k != "name"}, LayerCounts)
            for layer in manifest.counts["layers"]
        }
        table = pq.read_table(directory / PASSAGES)
        self.passage_ids: list[str] = table.column("passage_id").to_pylist()
        self.article_ids: list[str] = table.column("article_id").to_pylist()

    @classmethod
    def open(cls, directory: Path | str) -> Self:
        """Open a finished harvest.

        Raises:
            MissingArtifactError: The harvest has not finished.
            StaleArtifactError: The directory holds another stage.
            CorruptArtifactError: A file is missing or damaged.
        """
        directory = Path(directory)
        manifest = artifacts.require_manifest(directory)
        if manifest.stage != STAGE:
            raise StaleArtifactError(f"{directory} holds the stage {manifest.stage!r}, expected {STAGE!r}")
        artifacts.verify(directory, PASSAGES)
        for name, entry in manifest.files.items():
            path = directory / name
            if not path.exists() or path.stat().st_size != entry.bytes:
                found = f"{path.stat().st_size} bytes" if path.exists() else "no file"
                raise CorruptArtifactError(
                    f"{path}: {found}, expected {entry.bytes} bytes; delete {directory / artifacts.MANIFEST} and rerun "
                    f"the activations stage: only damaged shards are made again"
                )
        return cls(directory, manifest)

    @property
    def counts(self) -> dict[str, Any]:
        """What was read and left out."""
        return self.manifest.counts

    @property
    def layers(self) -> list[str]:
        """Names of the layers ("block-17"), in the order in which they were asked for."""
        return list(self.layer_counts)

    @property
    def d_model(self) -> int:
        """Width of the hidden states."""
        return self.layer_counts[self.layer_name(None)].d_model

    def layer_name(self, layer: str | None) -> str:
        """The layer that is meant: the given one, or the first.

        Raises:
            LayerError: There is no such layer.
        """
        if layer is None:
            return self.layers[0]
        if layer not in self.layer_counts:
            raise LayerError(f"{self.directory} has no layer {layer!r}; it has {', '.join(self.layers)}")
        return layer

    def rows(self, layer: str | None = None) -> int:
        """Rows of a layer (the first one by default), sinks left out."""
        counts = self.layer_counts[self.layer_name(layer)]
        return counts.rows - counts.sink_rows

    def _paths(self) -> list[Path]:
        return [self.directory / name for name in sorted(self.manifest.files) if name != PASSAGES]

    def shards(self, layer: str | None = None) -> Iterator[Shard]:
        """Read one shard after the other.

        Args:
            layer: One of `layers`; the first by default.

        Raises:
            LayerError: There is no such layer.
            CorruptArtifactError: A shard is damaged.
        """
        name = self.layer_name(layer)
        threshold = self.layer_counts[name].sink_threshold
        for path in self._paths():
            tensors = read_tensors(path)
            keep = tensors[norm_key(name)] <= threshold
            yield Shard(
                tensors[name][keep].float(),
                tensors["passage"][keep].numpy(),
                tensors["start"][keep].numpy(),
                tensors["end"][keep].numpy(),
            )

    def stored(self, layer: str | None = None) -> StoredRows:
        """The rows of a layer, read from disk as they are asked for.

        Raises:
            LayerError: There is no such layer.
            CorruptArtifactError: A shard is damaged.
        """
        name = self.layer_name(layer)
        counts = self.layer_counts[name]
        return StoredRows(self._paths(), name, counts.sink_threshold, d=counts.d_model)

    def vectors(self, layer: str | None = None) -> torch.Tensor:
        """All rows of a layer at once, float32 [rows, d]: only where they fit into memory."""
        name = self.layer_name(layer)
        out = torch.empty(self.rows(name), self.layer_counts[name].d_model)
        filled = 0
        for shard in self.shards(name):
            out[filled : filled + len(shard.vectors)] = shard.vectors
            filled += len(shard.vectors)
        return out

    def row_passages(self, layer: str | None = None) -> npt.NDArray[np.int64]:
        """The passage of each row of a layer: index into `passage_ids`, int64 [rows], ascending."""
        name = self.layer_name(layer)
        threshold = self.layer_counts[name].sink_threshold
        parts = [np.empty(0, np.int64)]
        for path in self._paths():
            tensors = read_tensors(path, (norm_key(name), "passage"))
            parts.append(tensors["passage"][tensors[norm_key(name)] <= threshold].numpy())
        return np.concatenate(parts)
