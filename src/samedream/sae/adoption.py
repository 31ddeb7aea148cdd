"""A dictionary from elsewhere in place of a trained one: does it fit this harvest, and how well does it do here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from samedream import progress
from samedream.errors import TrainingError
from samedream.sae.advice import Metric
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.health import measure_health
from samedream.sae.plan import check_rows
from samedream.sae.split import VectorStore, split_rows


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study's hidden states are from.

    Attributes:
        source: The model source.
        hook: The layer, in SAELens' words.
        layer: The layer's name in the harvest, None for the first one.
    """

    source: str
    hook: str
    layer: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """How a dictionary does on a harvest it was not trained on.

    Attributes:
        health: Figures on the held-out rows: the same rows on which dictionaries trained here are measured.
        held_out_rows: How many there are.
        rows: The others, on which a feature may be found alive.
    """

    health: list[Metric]
    held_out_rows: int
    rows: int

    def record(self) -> dict[str, Any]:
        """What is written to `health.json`."""
        return {"rows": self.held_out_rows, "metrics": msgspec.to_builtins(self.health)}

    def __getitem__(self, key: str) -> float:
        """A health figure by its key ("variance_explained")."""
        return next(metric.value for metric in self.health if metric.key == key)


def try_out(sae: SparseAutoencoder, store: VectorStore, place: Place, *, path: Path) -> Check:
    """Measure a dictionary's health on a harvest.

    Args:
        sae: The dictionary.
        store: The harvest.
        place: Where it is from.
        path: Where the dictionary is from, for messages.

    Raises:
        TrainingError: The dictionary reads vectors of another width, or the rows are not finite.
    """
    matrix = store.stored(place.layer)
    if matrix.shape[1] != sae.d_in:
        said = sae.metadata.get("model_name")
        raise TrainingError(
            f"{path}: a dictionary of d {sae.d_in}{f' (of {said})' if said else ''}, but the hidden states of "
            f"{place.source} have d {matrix.shape[1]}: it is of another model. Give one of this model, or take the key "
            f"sae out of the study file to train one"
        )
    split = split_rows(store.row_passages(place.layer), store.article_ids, "all")
    check_rows(matrix, split)
    with progress.step("measuring the dictionary's health", len(matrix), "vectors") as bar:
        health = measure_health(sae, matrix, split.held_out, others=split.train, advance=bar.advance)
    return Check(health, len(split.held_out), len(split.train))


def doubts(metadata: dict[str, Any], place: Place) -> list[str]:
    """What a dictionary says of itself that does not fit the study; it may be another name of the same thing.

    Args:
        metadata: SAELens' metadata.
        place: Where the study's hidden states are from.

    Returns:
        A sentence for each: none where the names fit, or nothing is said.
    """
    found = []
    model, hook = metadata.get("model_name"), metadata.get("hook_name")
    if model and _model(str(model)) != _model(place.source):
        found.append(f"it says it is of the model {model}, this study reads {place.source}")
    if hook and _block(str(hook)) != _block(place.hook):
        found.append(f"it says it reads {hook}, this study's hidden states are {place.hook}")
    return found


def _model(name: str) -> str:
    """The last part of a model's name: "google/gemma-2-2b" and "gemma-2-2b" are the same."""
    return re.split(r"[/:]", name.rstrip("/"))[-1].lower().removesuffix(".gguf")


def _block(hook: str) -> int | str:
    """The block whose output a hook reads, however it is spelt; the hook's name where it reads something else."""
    number = re.search(r"(?:blocks?|layers?|\bh)[._-](\d+)", hook)
    if number is None or re.search(r"mlp|attn|att_|norm|_mid", hook):
        return hook
    return int(number[1]) - ("resid_pre" in hook)  # what enters a block is what leaves the one before
