"""The sae stage of a study."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from samedream import artifacts, progress
from samedream.activations.store import ActivationStore
from samedream.errors import TrainingError
from samedream.sae.adoption import Place, doubts, try_out
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.course import MOMENTS
from samedream.sae.downstream import with_downstream
from samedream.sae.frontier import Point
from samedream.sae.interop import open_dictionary, saelens
from samedream.sae.interop.formats import find
from samedream.sae.store import HEALTH, STAGE
from samedream.sae.sweep import sweep as train_sweep
from samedream.sae.training import train_sae


def run(out: Path, config: SAEConfig, *, activations: Path, source: str, corpus: Path | None = None) -> None:
    """Train one dictionary on a finished harvest; a run that was killed goes on from its checkpoint.

    Args:
        out: The stage's directory.
        config: Settings.
        activations: The harvest's directory.
        source: The model source, for the dictionary's own record of where it is from.
        corpus: The corpus' directory, to measure the model's loss with the dictionary too; None: not measured.

    Raises:
        MissingArtifactError: The harvest has not finished.
        StaleArtifactError: `out` was made, or begun, with other settings or from another harvest.
        CorruptArtifactError: The checkpoint, or a shard of the harvest, is damaged.
        TrainingError: The hidden states cannot be trained on.
        LayerError: There is no such layer in the harvest.
    """
    inputs = {"activations": artifacts.require_manifest(activations).fingerprint()}
    settings = {**config.model_dump(mode="json"), "source": source}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    if not (out / artifacts.STARTED).exists():
        (out / HEALTH).unlink(missing_ok=True)  # of a run that left no word of its settings
    artifacts.begin(out, STAGE, settings, inputs)
    store = ActivationStore.open(activations)
    if not (out / HEALTH).exists():
        with _named(activations):
            sae, report = train_sae(store, config, workspace=out)
        sae.metadata |= {"model_name": source, "hook_name": hook_name(config.layer or store.layers[0])}
        sae.save(out)
        artifacts.write_json(out / HEALTH, report.record())
    # from here on nothing is trained again: running the model may well fail, for want of memory
    sae, record = SparseAutoencoder.load(out), msgspec.json.decode((out / HEALTH).read_bytes())
    if "downstream" not in record:
        record = with_downstream(record, sae, store, config=config, corpus=corpus)
        artifacts.write_json(out / HEALTH, record)
    files = [out / saelens.CONFIG, out / saelens.WEIGHTS, out / HEALTH]
    moments = [path for path in (out / MOMENTS).rglob("*") if path.is_file() and not path.name.startswith(".")]
    counts = _counts(sae, record)
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=[*files, *moments])


def _counts(sae: SparseAutoencoder, record: Mapping[str, Any]) -> dict[str, int]:
    """What the manifest counts, from what `health.json` holds."""
    training = record["training"]
    dead_share = next(metric["value"] for metric in record["metrics"] if metric["key"] == "dead_share")
    return {
        "rows": training["rows"],
        "held_out_rows": record["rows"],
        "d_in": sae.d_in,
        "features": sae.d_sae,
        "dead": round(dead_share * sae.d_sae),
        "steps": training["steps"],
        "batch_rows": training["batch_rows"],
    }


def sweep(
    out: Path,
    config: SAEConfig,
    *,
    activations: Path,
    source: str,
    k: Sequence[int],
    l1_strength: Sequence[float],
) -> list[Point]:
    """Train a dictionary for each pair of k and L1 weight, beside the study's own.

    Args:
        out: The sweep's directory.
        config: The settings of the study's own dictionary: all but the knobs stays.
        activations: The harvest's directory.
        source: The model source.
        k: Values of k; none: the settings' own.
        l1_strength: Weights of the L1 penalty; none: the settings' own.

    Raises:
        MissingArtifactError: The harvest has not finished.
        StaleArtifactError: `out` holds a sweep with other settings or of another harvest.
        TrainingError: The hidden states cannot be trained on, or the knobs do not fit the variant.
        LayerError: There is no such layer in the harvest.
    """
    inputs = {"activations": artifacts.require_manifest(activations).fingerprint()}
    store = ActivationStore.open(activations)
    with _named(activations):
        return train_sweep(store, config, k=k, l1_strength=l1_strength, workspace=out, name=source, inputs=inputs)


@contextmanager
def _named(activations: Path) -> Iterator[None]:
    """Say whose hidden states cannot be trained on: a study has those of several models."""
    try:
        yield
    except TrainingError as error:
        raise TrainingError(f"{activations}: {error}") from error


def adopt(
    out: Path, config: SAEConfig, *, activations: Path, source: str, dictionary: Path, corpus: Path | None = None
) -> None:
    """Take a dictionary from elsewhere instead of training one.

    Args:
        out: The stage's directory: the dictionary is copied there, in the layout of SAELens 6.
        config: Settings; only the layer and what is measured matter.
        activations: The harvest's directory: the dictionary's health is measured on it.
        source: The model source.
        dictionary: Anything `open_dictionary` opens.
        corpus: The corpus' directory, to measure the model's loss with the dictionary too; None: not measured.

    Raises:
        MissingArtifactError: The harvest has not finished, or there is no dictionary.
        CorruptArtifactError: The dictionary is damaged, or of a kind that is not read.
        UnsafeWeightsError: It is a pickle that may hold code.
        StaleArtifactError: `out` was made with another dictionary or from another harvest.
        TrainingError: The dictionary is not of this model's width.
        LayerError: There is no such layer in the harvest.
    """
    inputs = {"activations": artifacts.require_manifest(activations).fingerprint(), **_adopted(out, dictionary)}
    measured = {"layer": config.layer, "downstream_passages": config.downstream_passages}
    settings = {"source": source, "dictionary": dictionary.name, **measured}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    store = ActivationStore.open(activations)
    sae = open_dictionary(dictionary)
    place = Place(source, hook_name(config.layer or store.layers[0]), config.layer)
    check = try_out(sae, store, place, path=dictionary)
    for doubt in doubts(sae.metadata, place):
        progress.say(f"{dictionary}: {doubt}. If that is something else, its features mean nothing here")
    said = {key: value for key, value in sae.metadata.items() if value is not None}
    sae.metadata = {"model_name": source, "hook_name": place.hook, **said}
    files = sae.save(out)
    artifacts.write_json(out / HEALTH, with_downstream(check.record(), sae, store, config=config, corpus=corpus))
    counts = {
        "rows": check.rows,
        "held_out_rows": check.held_out_rows,
        "d_in": sae.d_in,
        "features": sae.d_sae,
        "dead": round(check["dead_share"] * sae.d_sae),
    }
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=[*files, out / HEALTH])


def _adopted(out: Path, dictionary: Path) -> Mapping[str, str]:
    """The dictionary's fingerprint. A stage that is done stays usable where the dictionary no longer is."""
    manifest = artifacts.read_manifest(out)
    if manifest is not None and "dictionary" in manifest.inputs and not dictionary.expanduser().exists():
        return {"dictionary": manifest.inputs["dictionary"]}
    return {"dictionary": find(dictionary).fingerprint()}


def hook_name(layer: str) -> str:
    """The layer in TransformerLens' words, which SAELens speaks: "block-17" is "blocks.17.hook_resid_post"."""
    found = re.fullmatch(r"block-(\d+)", layer)
    return f"blocks.{found[1]}.hook_resid_post" if found else layer
