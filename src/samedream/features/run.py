"""Run the features stage: from one model's shards and dictionary to its exemplars and activity."""

from pathlib import Path
from typing import Any

from samedream import artifacts
from samedream.activations.store import ActivationStore
from samedream.errors import CorruptArtifactError, StaleArtifactError
from samedream.features.candidates import article_index
from samedream.features.config import FeaturesConfig
from samedream.features.reading import Reading, read
from samedream.features.spill import Spill, save_activity, spilling
from samedream.features.states import StateMeans
from samedream.features.store import ACTIVITY, EXEMPLARS, FEATURES, FILES, PEAKS, STATES, save_table
from samedream.features.tables import exemplars, feature_table
from samedream.sae.autoencoder import SparseAutoencoder


def run(out: Path, config: FeaturesConfig, *, activations: Path, sae: Path) -> None:
    """Make `features/<model>`, unless it is there already.

    Args:
        out: The stage's directory.
        config: The stage's settings.
        activations: The model's `activations/<model>`.
        sae: The model's `sae/<model>/seed-<n>`.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        StaleArtifactError: The dictionary does not fit the hidden states, or `out` was made with something else.
        CorruptArtifactError: The shards are damaged or hold no vectors.
    """
    settings = config.model_dump(mode="json")
    trained = artifacts.require_manifest(sae)
    states = artifacts.require_manifest(activations)
    inputs = {"activations": states.fingerprint(), "sae": trained.fingerprint()}
    if "corpus" in states.inputs:  # so that a comparison can tell passages of another corpus
        inputs["corpus"] = states.inputs["corpus"]
    if artifacts.already_done(out, "features", settings, inputs):
        return
    store, dictionary = ActivationStore.open(activations), SparseAutoencoder.load(sae)
    _check_width(store.d_model, dictionary.d_in, activations=activations, sae=sae)
    layer: str | None = trained.config.get("layer")
    article = article_index(store.article_ids)
    artifacts.begin(out, "features", settings, inputs)  # also clears what a killed run left
    # the disk-full guard of both files covers the spill too: everything is written inside
    with (
        artifacts.atomic_path(out / ACTIVITY) as activity,
        artifacts.atomic_path(out / PEAKS) as peaks,
        artifacts.atomic_path(out / STATES) as means,
        means.open("wb") as handle,
        spilling(out, len(article)) as spill,
    ):
        reading = read(
            store.shards(layer), dictionary, spill,
            states=StateMeans(handle, len(article), store.d_model),
            features=dictionary.d_sae, article=article, config=config, rows=store.rows(layer),
        )  # fmt: skip
        if not reading.totals.rows:
            raise CorruptArtifactError(f'{activations} holds no vectors; delete it and rerun "samedream activations"')
        save_table(out / FEATURES, feature_table(reading, spill, article))
        save_table(out / EXEMPLARS, exemplars(reading, spill, store.passage_ids, article=article, config=config))
        save_activity(spill, dictionary.d_sae, activity=activity, peaks=peaks)
        counts = _counts(reading, spill)
    artifacts.finish(out, "features", settings, inputs=inputs, counts=counts, files=[out / name for name in FILES])


def _check_width(found: int, wanted: int, *, activations: Path, sae: Path) -> None:
    if found != wanted:
        raise StaleArtifactError(
            f"{sae} reads vectors of width {wanted}, but {activations} holds vectors of width {found}: they are not "
            f'of the same model. Delete {sae} and rerun "samedream sae DIR"'
        )


def _counts(reading: Reading, spill: Spill) -> dict[str, Any]:
    totals = reading.totals
    bounds = spill.bounds
    passages = len(bounds) - 1
    return {
        "passages": passages,
        "passages_without_tokens": passages - totals.passages_read,
        "tokens": totals.rows,
        "features": len(totals.passages),
        "dead": int((totals.passages == 0).sum()),
        "dense": int((totals.passages > passages / 2).sum()),
        "features_per_token": float(totals.tokens.sum() / totals.rows),
        "features_per_passage": float(bounds[-1] / passages),
    }
