"""The corpus stage: one source of text → STUDY/corpus."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samedream import artifacts
from samedream.corpus.articles import Tally
from samedream.corpus.config import SAMPLE, CorpusConfig
from samedream.corpus.files import source_fingerprint, source_path
from samedream.corpus.sources import collect
from samedream.corpus.store import save_passages
from samedream.progress import say
from samedream.records import Passage

STAGE = "corpus"


def run(out: Path, config: CorpusConfig) -> None:
    """Read the source into `out`/passages.parquet, unless that is done already.

    The manifest names the source without its folder and holds a fingerprint of its content: a source that was moved is
    the same, one that was changed is not.

    Raises:
        CorpusError: The source is missing, or nothing is left of it.
        StaleArtifactError: `out` was made with other settings or from another source.
    """
    record = _record(config)
    inputs = _inputs(out, config)
    if artifacts.already_done(out, STAGE, record, inputs):
        return
    artifacts.begin(out, STAGE, record, inputs)
    passages, tally = collect(config.source, config)
    path = save_passages(out, passages)
    counts = _counts(passages, tally)
    if config.passages is not None and len(passages) < config.passages:
        say(f"{config.passages:,} passages were asked for, {config.source} has {len(passages):,}")
    artifacts.finish(out, STAGE, record, inputs=inputs, counts=counts, files=[path])


def _record(config: CorpusConfig) -> dict[str, Any]:
    source = SAMPLE if config.source == SAMPLE else Path(config.source).expanduser().name
    return {**config.model_dump(mode="json"), "source": source}


def _inputs(out: Path, config: CorpusConfig) -> Mapping[str, str]:
    """The fingerprint of the source. A corpus that is done stays usable where its source no longer is."""
    manifest = artifacts.read_manifest(out)
    if manifest is not None and config.source != SAMPLE and not Path(config.source).expanduser().exists():
        return manifest.inputs
    return {"source": source_fingerprint(source_path(config.source))}


def _counts(passages: list[Passage], tally: Tally) -> dict[str, Any]:
    def shares(values: list[str]) -> dict[str, int]:
        return dict(sorted(Counter(values).items()))

    return {
        "passages": len(passages),
        "articles": len({passage.article_id for passage in passages}),
        "characters": sum(len(passage.text) for passage in passages),
        "folds": shares([passage.fold for passage in passages]),
        "kinds": shares([passage.kind for passage in passages]),
        "languages": shares([passage.language for passage in passages]),
        **tally.counts(),
    }
