"""Fills a `Context` from a study's directories."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import safe_open

from samedream import artifacts
from samedream.comparison.context import Context
from samedream.comparison.sharing.text import count_words, flag
from samedream.errors import StaleArtifactError
from samedream.features.store import load_states
from samedream.labels.store import load_embedding

PASSAGES = "passages.parquet"
_WEIGHTS = "sae_weights.safetensors"
_WITH_STATES = ("left", "right", "left_floor", "right_floor")  # a repeat reads the states of its model


def read_context(corpus: Path, embedding: Path | None = None) -> Context:
    """What a study knows of its passages.

    Args:
        corpus: The study's ``corpus``.
        embedding: Its ``labels/embedding``; it holds nothing where there was no embedder.
    """
    table = pq.read_table(artifacts.verify(corpus, PASSAGES), columns=["topic", "text"])
    topic, texts = table["topic"].to_pylist(), table["text"].to_pylist()
    names = sorted({name for name in topic if name is not None})
    number = {name: i for i, name in enumerate(names)}
    words, word_names = count_words(texts)
    return Context(
        topics=np.array([number.get(name, -1) for name in topic], dtype=np.int64) if names else None,
        topic_names=tuple(names),
        words=words if word_names else None,
        word_names=word_names,
        flags=flag(texts),
        embedding=load_embedding(embedding) if embedding is not None else None,
    )


def with_models(context: Context, features: Mapping[str, Path], dictionaries: Mapping[str, Path]) -> Context:
    """The context with what is known of the models: their mean hidden states and decoder directions.

    Args:
        context: What is known of the passages.
        features: Side → ``features/<reader>``; one of an older version has no states, and then the context has none.
        dictionaries: Side → ``sae/<reader>/seed-<n>``; repeats and what is not there any more are left out.

    Raises:
        StaleArtifactError: The features were made with another dictionary.
        CorruptArtifactError: A file does not fit its checksum.
    """
    states = {}
    for side in _WITH_STATES:
        if side in features and (found := load_states(features[side])) is not None:
            states[side] = found
    decoders = {
        side: _decoder(directory, features[side])
        for side, directory in dictionaries.items()
        if side in _WITH_STATES and (directory / artifacts.MANIFEST).exists()
    }
    return replace(context, states=states, decoders=decoders)


def _decoder(dictionary: Path, features: Path) -> NDArray[np.float32]:
    """Decoder directions, float32 [features, d], in the units of the states: the weights hold centre and scale."""
    recorded = artifacts.require_manifest(features).inputs.get("sae")
    if recorded is not None and recorded != artifacts.require_manifest(dictionary).fingerprint():
        raise StaleArtifactError(
            f'{features} was made with another dictionary than {dictionary}. Delete {features} and rerun "samedream '
            f'features DIR"'
        )
    with safe_open(artifacts.verify(dictionary, _WEIGHTS), framework="numpy") as weights:
        directions: NDArray[np.float32] = weights.get_tensor("W_dec")
    return directions
