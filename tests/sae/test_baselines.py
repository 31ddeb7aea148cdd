"""Baselines: planted structure that each method is known for, and the sparse codes they give."""

import numpy as np
import pytest
import torch

from samedream.errors import TrainingError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.baselines import NonNegativeParts, baseline
from samedream.sae.health import measure_health


def explained(sae, rows):
    """Share of variance that comes back."""
    left = (sae.decode(sae.encode(rows)) - rows).square().sum()
    return 1 - float(left / (rows - rows.mean(0)).square().sum())


def best_cosines(found, planted):
    """For each planted direction, the largest |cosine| with a found one."""
    found, planted = (torch.nn.functional.normalize(one, dim=1) for one in (found, planted))
    return (planted @ found.T).abs().max(1).values


def test_pca_finds_the_axes_and_keeps_the_largest_coefficients_of_both_signs():
    # axes with standard deviations 4, 2, 1 around (10, 0, 0)
    rows = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([4.0, 2.0, 1.0])
    rows[:, 0] += 10
    sae = baseline("pca", rows, k=2, width=6)
    assert (sae.architecture, sae.k, sae.d_sae) == ("topk", 2, 6)
    assert best_cosines(sae.W_dec[:3], torch.eye(3)).min() > 0.99
    torch.testing.assert_close(sae.W_dec[3:], -sae.W_dec[:3])
    features = sae.encode(torch.tensor([[10.0, -3.0, 1.5]]))
    # no part along the first axis; -3 is on the second one's negative feature, 1.5 on a feature of the third
    assert features.count_nonzero() == 2
    torch.testing.assert_close(sae.decode(features), torch.tensor([[10.0, -3.0, 1.5]]), atol=0.5, rtol=0)
    # two of three axes: what is left is at most the smallest one's share, 1 / 21
    assert explained(sae, rows) > 1 - 1 / 21


def test_pca_with_all_axes_gives_everything_back():
    rows = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    assert explained(baseline("pca", rows, k=9, width=100), rows) == pytest.approx(1.0, abs=1e-5)


def test_ica_finds_independent_sources_that_pca_cannot():
    generator = np.random.default_rng(0)
    sources = generator.laplace(size=(6000, 4)).astype(np.float32)
    mixing = generator.normal(size=(4, 4)).astype(np.float32)
    rows, planted = torch.from_numpy(sources @ mixing), torch.from_numpy(mixing)
    ica, pca = (baseline(name, rows, k=3, width=8) for name in ("ica", "pca"))
    assert best_cosines(ica.W_dec, planted).min() > 0.97
    assert best_cosines(pca.W_dec, planted).min() < 0.97
    # W_enc undoes W_dec: with all coefficients kept the row comes back
    both = ica.pre_activations(rows)[:, :4] @ ica.W_dec[:4] + ica.b_dec
    torch.testing.assert_close(both, rows, atol=1e-2, rtol=0)


def test_ica_leaves_constant_dimensions_alone():
    rows = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)).exp()
    rows[:, 2], rows[:, 4] = 3.0, rows[:, 0]
    sae = baseline("ica", rows, k=3, width=64)
    assert sae.d_sae == 8  # four dimensions move by themselves
    assert sae.decode(sae.encode(rows))[:, 2] == pytest.approx(3.0, abs=1e-4)


def test_random_directions_are_random_and_seeded():
    rows = torch.randn(300, 16, generator=torch.Generator().manual_seed(0))
    one, two, other = (baseline("random", rows, k=4, width=64, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.W_dec, two.W_dec)
    assert not torch.equal(one.W_dec, other.W_dec)
    assert one.d_sae == 64
    assert explained(one, rows) < explained(baseline("pca", rows, k=4, width=64), rows)


def test_nmf_finds_parts():
    # rows are sums of 4 parts, each on its own 3 columns, two parts to a row
    generator = torch.Generator().manual_seed(0)
    parts = torch.block_diag(*[torch.tensor([[3.0, 2.0, 1.0]])] * 4)
    chosen = torch.rand(2000, 4, generator=generator).argsort(1) < 2
    rows = (torch.rand(2000, 4, generator=generator) + 0.5) * chosen @ parts
    sae = baseline("nmf", rows, k=6, width=12)
    features = sae.encode(rows[:50])
    assert (features >= 0).all()
    assert (features.count_nonzero(1) <= 6).all()
    assert explained(sae, rows) > 0.7
    with pytest.raises(TrainingError) as error:
        sae.save("somewhere")
    assert str(error.value) == (
        "NMF cannot be saved in somewhere: its coefficients are fitted row by row, a saved dictionary has a linear "
        "encoder. Fit it again where it is needed, or take pca or ica"
    )


def test_nmf_coefficients_by_hand():
    # parts (1, 0) and (0, 1) of what adds, d = 1: direction +1 and -1; the rows were neither moved nor scaled
    from samedream.sae.scaling import Scaling

    sae = NonNegativeParts(np.eye(2, dtype=np.float32), Scaling(torch.zeros(1), 1.0), k=1)
    torch.testing.assert_close(sae.encode(torch.tensor([[3.0], [-2.0]])), torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
    torch.testing.assert_close(sae.decode(torch.tensor([[0.0, 2.0]])), torch.tensor([[-2.0]]))


def test_a_frozen_decoder_is_trained_and_calibrated(plant):
    vectors, _ = plant(700)
    sae = baseline("frozen", vectors, k=4, width=64)
    assert sae.architecture == "jumprelu"
    assert 2 < float(sae.encode(vectors).count_nonzero(1).float().mean()) < 8
    assert explained(sae, vectors) > explained(baseline("random", vectors, k=4, width=64), vectors)


@pytest.mark.parametrize("name", ["pca", "ica", "random"])
def test_saved_and_measured_like_any_dictionary(name, plant, tmp_path):
    vectors, _ = plant(600)
    sae = baseline(name, vectors, k=4, width=48)
    sae.save(tmp_path)
    assert torch.equal(SparseAutoencoder.load(tmp_path).encode(vectors), sae.encode(vectors))
    figures = {one.key: one.value for one in measure_health(sae, vectors, np.arange(100), others=np.arange(100, 600))}
    assert figures["l0"] == pytest.approx(4.0)
    assert figures["decoder_cosine_mean"] == pytest.approx(-1 / 47, abs=1e-4)  # 48 directions whose sum is 0


def test_bad_input():
    rows = torch.randn(100, 4)
    with pytest.raises(TrainingError) as error:
        baseline("pca", rows, k=8, width=64)
    assert str(error.value) == (
        "k is 8 and pca has 8 features here: expected k below the number of features. Lower k, or raise width (now 64, "
        "hidden states have 4 dimensions)"
    )
    for name, k in (("kmeans", 2), ("pca", 0)):
        with pytest.raises(TrainingError) as error:
            baseline(name, rows, k=k, width=8)
        assert str(error.value) == (
            f"a baseline {name!r} with k {k}: expected one of pca, ica, nmf, random, frozen, and k above 0"
        )
    rows[3, 1] = torch.nan
    with pytest.raises(TrainingError) as error:
        baseline("ica", rows, k=2, width=8)
    assert str(error.value) == "some of the 100 vectors to fit ica on are NaN or infinite: expected numbers"
