"""Harvesting: passages x one model -> shards of hidden states, resuming at the shard."""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from samedream import artifacts, progress
from samedream.activations.config import HarvestConfig
from samedream.activations.hooks import BlockReader, WantedLayer, find_blocks, wanted_layers
from samedream.activations.loading import LoadedModel, block_count, load, read_config
from samedream.activations.processor import compute_dtype, device
from samedream.activations.reading import LEFT_OUT, read_shard
from samedream.activations.shards import is_whole, norm_key, read_header, read_tensors, shard_name, write_shard
from samedream.activations.sinks import NormHistogram
from samedream.activations.sources import ModelFiles, resolve
from samedream.activations.store import PASSAGES, STAGE, ActivationStore
from samedream.errors import CorpusError, ModelError
from samedream.records import Passage

_SCHEMA = pa.schema([("passage_id", pa.string()), ("article_id", pa.string())])
_LISTED = 100  # ids of passages left out that the manifest lists, for each reason


def harvest(
    model_source: str,
    passages: Iterable[Passage],
    config: HarvestConfig,
    out: Path | str,
    *,
    inputs: Mapping[str, str] | None = None,
) -> ActivationStore:
    """Read passages with a model and keep its hidden states on disk. An interrupted harvest goes on at its shard.

    Args:
        model_source: Hub id, directory, path.gguf, wheel:NAME or random:SOURCE.
        passages: Read once, a shard at a time: memory does not grow with their number.
        config: Settings.
        out: Directory to write.
        inputs: Fingerprints of what the passages are from; by default the passages themselves are hashed.

    Returns:
        The finished store.

    Raises:
        ModelError: The model cannot be had, loaded or read (see `errors` for its kinds).
        CorpusError: There are no passages, or none of them could be read.
        StaleArtifactError: `out` was made with other settings or from other passages.
        DiskFullError: The disk is full; rerun when there is room.
    """
    out = Path(out)
    settings = {**config.model_dump(mode="json"), "source": model_source}
    if (out / artifacts.MANIFEST).exists():
        artifacts.already_done(out, STAGE, settings, inputs or {"passages": _digest(passages)})
        return ActivationStore.open(out)
    artifacts.already_done(out, STAGE, settings, inputs or {})
    files = resolve(model_source, config)
    total = len(passages) if isinstance(passages, Sized) else None
    with _Subject(files, config) as subject:
        artifacts.begin(out, STAGE, settings, inputs or {})
        tally = _Tally(subject.layers)
        with _passage_list(out) as listed, progress.step(f"reading with {model_source}", total, "passages") as step:
            for number, chunk in enumerate(_chunks(passages, config.shard_passages)):
                _one_shard(out, subject, chunk, number=number, tally=tally, step=step)
                listed.write(chunk)
    paths = tally.finish(out, config.sink_ratio)
    _check_any(tally, model_source)
    for path in set(out.glob("shard-*.safetensors")) - set(paths):
        path.unlink()  # of an earlier, longer list of passages
    inputs = inputs or {"passages": listed.digest.hexdigest()}
    counts = tally.counts(subject.description())
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=[*paths, out / PASSAGES])
    return ActivationStore.open(out)


def _check_any(tally: "_Tally", source: str) -> None:
    if tally.passages == 0:
        raise CorpusError("there are no passages to read; make the corpus first, or widen its settings")
    if tally.rows == 0:
        raise CorpusError(
            f"none of the {tally.passages} passages could be read with {source}: "
            + ", ".join(f"{len(ids)} {why}" for why, ids in tally.left_out.items() if ids)
        )


def _chunks(passages: Iterable[Passage], size: int) -> Iterator[list[Passage]]:
    chunk: list[Passage] = []
    for passage in passages:
        chunk.append(passage)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _hash(digest: Any, passages: Iterable[Passage]) -> None:
    for passage in passages:
        parts = [passage.passage_id, passage.article_id, passage.text]
        digest.update(artifacts.canonical_json([part.encode(errors="surrogatepass").hex() for part in parts]))


def _digest(passages: Iterable[Passage]) -> str:
    digest = hashlib.sha256()
    _hash(digest, passages)
    return digest.hexdigest()


class _Subject:
    """The model of a harvest: loaded when the first shard needs it, freed when the harvest leaves."""

    def __init__(self, files: ModelFiles, config: HarvestConfig) -> None:
        self.files, self.config = files, config
        self.blocks = block_count(files, read_config(files, config))
        self.layers = wanted_layers(config, self.blocks, files.source)
        self.dtype = str(compute_dtype(config.dtype, device())).removeprefix("torch.")
        self.fingerprint = files.fingerprint()
        self._loaded: tuple[LoadedModel, BlockReader] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._loaded is not None:
            self._loaded[1].__exit__()
            self._loaded = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def ready(self) -> tuple[LoadedModel, BlockReader]:
        """The loaded model and its hooks."""
        if self._loaded is None:
            loaded = load(self.files, self.config)
            blocks = find_blocks(loaded.model, loaded.tokenizer, blocks=self.blocks, source=self.files.source)
            self._loaded = loaded, BlockReader(loaded.model, blocks, self.layers)
        return self._loaded

    def description(self) -> dict[str, Any]:
        """What the manifest says of the model."""
        return {
            "source": self.files.source,
            "fingerprint": self.fingerprint,
            "dtype": self.dtype,
            "blocks": self.blocks,
        }

    def signature(self, passages: Sequence[Passage], first_passage: int) -> str:
        """Hash of all that a shard is made from."""
        essence = {
            "config": self.config.model_dump(mode="json"),
            "model": self.description(),
            "first": first_passage,
            "passages": _digest(passages),
        }
        return hashlib.sha256(artifacts.canonical_json(essence)).hexdigest()


def _one_shard(
    out: Path, subject: _Subject, chunk: Sequence[Passage], *, number: int, tally: "_Tally", step: progress.Step
) -> None:
    """Make one shard, unless an earlier run left it whole."""
    path, first = out / shard_name(number), number * subject.config.shard_passages
    signature = subject.signature(chunk, first)
    if is_whole(path, signature):
        step.skip(len(chunk))
    else:
        loaded, reader = subject.ready()
        tensors, counts = read_shard(
            loaded, reader, chunk, config=subject.config, first_passage=first, advance=step.advance
        )
        write_shard(path, tensors, signature=signature, counts=counts)
    tally.add(path)


class _PassageList:
    """passages.parquet, a row group per shard, and the hash of the passages."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self.writer, self.digest = writer, hashlib.sha256()

    def write(self, chunk: Sequence[Passage]) -> None:
        columns = [[passage.passage_id for passage in chunk], [passage.article_id for passage in chunk]]
        self.writer.write_table(pa.table(columns, schema=_SCHEMA))
        _hash(self.digest, chunk)


@contextmanager
def _passage_list(out: Path) -> Iterator[_PassageList]:
    with (
        artifacts.atomic_path(out / PASSAGES) as temporary,
        pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer,
    ):
        yield _PassageList(writer)


class _Tally:
    """What was counted over all shards."""

    def __init__(self, layers: Sequence[WantedLayer]) -> None:
        self.names = [layer.name for layer in layers]
        self.paths: list[Path] = []
        self.passages = self.rows = 0
        self.sums: dict[str, int] = {}
        self.left_out: dict[str, list[str]] = {why: [] for why in LEFT_OUT}
        self.histograms = {name: NormHistogram() for name in self.names}
        self.layers: list[dict[str, Any]] = []

    def add(self, path: Path) -> None:
        """Count a shard that is on disk."""
        header = read_header(path)
        if header is None:
            raise ModelError(f"{path} vanished while the harvest ran; rerun it")
        self.paths.append(path)
        counts = dict(header.counts)
        for why, ids in counts.pop("left_out").items():
            self.left_out[why] += ids
        for key, value in counts.items():
            self.sums[key] = self.sums.get(key, 0) + value
        self.passages, self.rows = self.sums["passages"], self.sums["rows"]
        norms = read_tensors(path, [norm_key(name) for name in self.names])
        for name in self.names:
            self.histograms[name].add(norms[norm_key(name)].numpy())

    def finish(self, out: Path, ratio: float) -> list[Path]:
        """Find each layer's sinks now that its median norm is known; return the shards' paths."""
        for name in self.names:
            median = self.histograms[name].median()
            threshold, sinks, width = ratio * median, 0, 0
            for path in self.paths:
                norms = read_tensors(path, [norm_key(name)])[norm_key(name)]
                sinks += int((norms > threshold).sum())
            if self.paths:
                width = read_tensors(self.paths[0], [name])[name].shape[1]
            self.layers.append(
                {
                    "name": name,
                    "d_model": width,
                    "rows": self.rows,
                    "median_norm": median,
                    "sink_threshold": threshold,
                    "sink_rows": sinks,
                }
            )
        return self.paths

    def counts(self, model: dict[str, Any]) -> dict[str, Any]:
        """The manifest's counts."""
        left_out = {why: {"passages": len(ids), "first": ids[:_LISTED]} for why, ids in self.left_out.items()}
        return {**self.sums, "left_out": left_out, "layers": self.layers, "model": model}
