"""The activations stage of a study."""

from pathlib import Path

from samedream import artifacts
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.store import STAGE, ActivationStore
from samedream.corpus.store import load_passages


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
