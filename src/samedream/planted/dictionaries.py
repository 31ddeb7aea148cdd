"""Planted hidden states through trained dictionaries: what the whole instrument reads."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from samedream.comparison.compare import Comparison, compare
from samedream.comparison.config import ComparisonConfig
from samedream.planted.states import PlantedStates, TokenStates
from samedream.planted.world import Csr
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.training import train_sae

WIDER = 1.5  # features of a dictionary, as a multiple of the model's concepts


def read_states(
    pair: PlantedStates, *, k: int = 6, steps: int = 600, seed: int = 0
) -> tuple[Comparison, tuple[float, float]]:
    """Train dictionaries, repeats and twins' dictionaries on planted hidden states and compare them.

    Args:
        pair: The models.
        k: Features active per token.
        steps: Training steps of each dictionary.
        seed: Of the first dictionary; the others count up from it.

    Returns:
        The comparison, and the truth for these dictionaries: the share of a side's features whose nearest concept, by
        decoder direction, the other model has. Frequent concepts take several features and rare ones none, so this is
        not the share of the concepts.
    """
    activity: dict[str, Csr] = {}
    truth: list[float] = []
    for side, other in (("left", "right"), ("right", "left")):
        trained = pair.models[side], pair.models[f"{side}_floor"]  # type: ignore[index]
        for name, states in ((side, trained[0]), (f"{side}_repeat", trained[0]), (f"{side}_floor", trained[1])):
            config = SAEConfig(k=k, width=round(WIDER * len(states.concept)), steps=steps, seed=seed + len(activity))
            dictionary, _ = train_sae(torch.from_numpy(states.vectors), config)
            activity[name] = _strongest(dictionary, states, pair.blocks.size)
            if name == side:
                found = nearest_concepts(dictionary, states)
                truth.append(float(np.isin(found, pair.models[other].concept).mean()))  # type: ignore[index]
    left, right = activity.pop("left"), activity.pop("right")
    return compare(left, right, pair.blocks, ComparisonConfig(seed=seed, dense=False), **activity), (truth[0], truth[1])


def turned(states: TokenStates, passages: int, *, seed: int = 0) -> tuple[Csr, Csr]:
    """Activity of a small dictionary of these states, and of the same after a rotation of states and dictionary.

    Args:
        states: A model's hidden states.
        passages: How many passages they are of.
        seed: Of the dictionary and the rotation.

    Returns:
        Two of CSR ``[passages, features]``, which no comparison should be able to tell from each other.
    """
    dictionary, _ = train_sae(torch.from_numpy(states.vectors), SAEConfig(k=6, width=128, steps=200, seed=seed))
    d = dictionary.d_in
    rotation = torch.linalg.qr(torch.randn(d, d, generator=torch.Generator().manual_seed(seed))).Q
    weights = {
        "W_enc": rotation.T @ dictionary.W_enc,
        "b_enc": dictionary.b_enc,
        "W_dec": dictionary.W_dec @ rotation,
        "b_dec": dictionary.b_dec @ rotation,
        "threshold": dictionary.threshold,
    }
    moved = replace(states, vectors=states.vectors @ rotation.numpy())
    return (
        _strongest(dictionary, states, passages),
        _strongest(SparseAutoencoder("jumprelu", weights), moved, passages),
    )


def nearest_concepts(dictionary: SparseAutoencoder, states: TokenStates) -> NDArray[np.int64]:
    """Number of the concept whose direction is nearest to each feature's decoder direction, int64 ``[features]``."""
    cosine = dictionary.W_dec.detach().numpy() @ states.directions.T  # both of length 1
    nearest: NDArray[np.int64] = states.concept[cosine.argmax(axis=1)]
    return nearest


def _strongest(dictionary: SparseAutoencoder, states: TokenStates, passages: int) -> Csr:
    """Each feature's maximum over the tokens of each passage, CSR ``[passages, features]``."""
    with torch.no_grad():
        found = dictionary.encode(torch.from_numpy(states.vectors)).numpy()
    activity = np.zeros((passages, found.shape[1]), dtype=np.float32)
    np.maximum.at(activity, states.passage, found)
    return sparse.csr_array(activity)
