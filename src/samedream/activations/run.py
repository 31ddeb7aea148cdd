"""The activations stage of a study."""

from pathlib import Path

from samedream import artifacts
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.hooks import wanted_layers
from samedream.activations.loading import block_count, read_config
from samedream.activations.sources import resolve
from samedream.activations.store import STAGE, ActivationStore
from samedream.corpus.store import load_passages


def check(source: str, config: HarvestConfig) -> None:
    """See that a model can be had and has the layers, before hours go into the models read before it.

    Raises:
        ModelError: It cannot be had, or has no such layer.
    """
    files = resolve(source, config)
    wanted_layers(config, block_count(files, read_config(files, config)), source)


def run(out: Path, config: HarvestConfig, *, source: str, corpus: Path) -> ActivationStore:
    """Read a corpus with one model.

    Args:
        out: The stage's directory.
        config: Settings.
        source: The model source.
        corpus: The corpus stage's directory.

    Raises:
        MissingArtifactError: The corpus has not been made.
        ModelError: The model cannot be had, loaded or read.
        StaleArtifactError: `out` was made with other settings or from another corpus.
    """
    inputs = {"corpus": artifacts.require_manifest(corpus).fingerprint()}
    settings = {**config.model_dump(mode="json"), "source": source}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return ActivationStore.open(out)
    return harvest(source, load_passages(corpus), config, out, inputs=inputs)
