"""The sae stage of a study."""

import re
from pathlib import Path

from samedream import artifacts
from samedream.activations.store import ActivationStore
from samedream.sae.config import SAEConfig
from samedream.sae.store import HEALTH, STAGE
from samedream.sae.training import train_sae


def run(out: Path, config: SAEConfig, *, activations: Path, source: str) -> None:
    """Train one dictionary on a finished harvest.

    Args:
        out: The stage's directory.
        config: Settings.
        activations: The harvest's directory.
        source: The model source, for the dictionary's own record of where it is from.

    Raises:
        MissingArtifactError: The harvest has not finished.
        StaleArtifactError: `out` was made with other settings or from another harvest.
        TrainingError: The hidden states cannot be trained on.
        LayerError: There is no such layer in the harvest.
    """
    inputs = {"activations": artifacts.require_manifest(activations).fingerprint()}
    settings = {**config.model_dump(mode="json"), "source": source}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    store = ActivationStore.open(activations)
    sae, report = train_sae(store, config)
    sae.metadata |= {"model_name": source, "hook_name": hook_name(config.layer or store.layers[0])}
    files = sae.save(out)
    record = report.record()
    artifacts.write_json(out / HEALTH, record)
    counts = {
        "rows": report.rows,
        "held_out_rows": report.held_out_rows,
        "d_in": sae.d_in,
        "features": sae.d_sae,
        "dead": round(report["dead_share"] * sae.d_sae),
        "steps": report.plan.steps,
        "batch_rows": report.plan.batch_rows,
    }
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=[*files, out / HEALTH])


def hook_name(layer: str) -> str:
    """The layer in TransformerLens' words, which SAELens speaks: "block-17" is "blocks.17.hook_resid_post"."""
    found = re.fullmatch(r"block-(\d+)", layer)
    return f"blocks.{found[1]}.hook_resid_post" if found else layer
