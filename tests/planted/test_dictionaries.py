import numpy as np
import pytest
import torch

from samedream.planted.dictionaries import nearest_concepts, read_states
from samedream.planted.states import TokenStates, planted_states
from samedream.sae.config import SAEConfig
from samedream.sae.training import train_sae


def test_nearest_concepts_of_a_dictionary_that_found_them():
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(16, 16)))[0].astype(np.float32)
    strength = (rng.random((4000, 16)) < 0.1) * rng.lognormal(0, 0.3, (4000, 16))
    nothing = np.zeros(0, dtype=np.int64)
    states = TokenStates(
        (strength @ directions).astype(np.float32), nothing, nothing, nothing, directions, 100 + np.arange(16)
    )
    dictionary, _ = train_sae(torch.from_numpy(states.vectors), SAEConfig(k=2, width=32, steps=300, batch_rows=256))
    found = nearest_concepts(dictionary, states)
    assert found.shape == (32,)
    assert len(set(found)) >= 14
    assert set(found) <= set(range(100, 116))


@pytest.mark.slow
def test_all_shared_and_nothing_shared_are_told_apart_through_dictionaries():
    read = {}
    for share in (0.0, 1.0):
        pair = planted_states(share, left=48, right=48, passages=1200, d=(32, 40), seed=3)
        found, truth = read_states(pair, k=4, steps=200)
        assert truth == pytest.approx((share, share))
        read[share] = found.shared_fraction.a_to_b.value
    assert read[0.0] < 0.1
    assert (
        read[1.0] > 0.7
    )  # below 1: dictionaries so small hold several features of a frequent concept (the bias curve)
