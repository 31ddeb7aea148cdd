"""Folding, and the SAELens layout on disk. What is refused when reading it: `interop/test_refused.py`."""

import json

import pytest
import torch
from safetensors.torch import load_file

from samedream.errors import MissingArtifactError, TrainingError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.gradients import Parameters
from samedream.sae.scaling import Scaling

D, F = 6, 10


def trained(seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((F, D), (F,), (F, D), (D,))
    return Parameters(*(torch.randn(shape, generator=generator) for shape in shapes))


SCALING = Scaling(torch.linspace(-40, 60, D), 0.25)


def dictionary(kind, **metadata):
    threshold = 0.5 if kind == "jumprelu" else None
    return SparseAutoencoder.folded(trained(), SCALING, threshold=threshold, k=3, metadata=metadata)


def raw_rows():
    return torch.randn(50, D, generator=torch.Generator().manual_seed(9)) * 4 + SCALING.centre


def test_folding_changes_nothing():
    weights, rows = trained(), raw_rows()
    scaled = SCALING.apply(rows)
    pre = scaled @ weights.encoder.T + weights.encoder_bias
    expected = torch.where(pre > 0.5, pre, 0.0)
    sae = dictionary("jumprelu")
    torch.testing.assert_close(sae.encode(rows), expected, rtol=1e-5, atol=1e-5)
    back = (expected @ weights.decoder + weights.decoder_bias) / 0.25 + SCALING.centre
    torch.testing.assert_close(sae.decode(expected), back, rtol=1e-5, atol=1e-4)


def test_topk_keeps_the_k_largest_positive():
    sae = dictionary("topk")
    features, pre = sae.encode(raw_rows()), sae.pre_activations(raw_rows())
    top = pre.topk(3, dim=1)
    expected = torch.zeros_like(pre).scatter(1, top.indices, top.values.relu())  # SAELens: select k, then ReLU
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize("kind", ["jumprelu", "topk"])
def test_round_trip(kind, tmp_path):
    sae = dictionary(kind, model_name="wheel:tiny", hook_name="blocks.3.hook_resid_post")
    files = sae.save(tmp_path / "dictionary")
    assert [file.name for file in files] == ["cfg.json", "sae_weights.safetensors"]
    again = SparseAutoencoder.load(tmp_path / "dictionary")
    torch.testing.assert_close(again.encode(raw_rows()), sae.encode(raw_rows()), rtol=1e-5, atol=1e-5)
    assert torch.equal(again.encode(raw_rows()), sae.encode(raw_rows()))
    assert (again.d_in, again.d_sae, again.architecture, again.k) == (D, F, kind, sae.k)
    assert again.metadata["model_name"] == "wheel:tiny"
    again.save(tmp_path / "again")
    for name in ("cfg.json", "sae_weights.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "dictionary" / name).read_bytes()


COMMON = {
    "d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True,
    "normalize_activations": "none", "reshape_activations": "none",
    "metadata": {"sae_lens_version": "6.54.12", "sae_lens_training_version": None, "model_name": "wheel:tiny",
                 "hook_name": "blocks.3.hook_resid_post", "hook_head_index": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("jumprelu", {"architecture": "jumprelu"}),
        ("topk", {"architecture": "topk", "k": 3, "rescale_acts_by_decoder_norm": False}),
    ],
)
def test_the_layout_is_saelens_6(kind, own, tmp_path):
    dictionary(kind, model_name="wheel:tiny", hook_name="blocks.3.hook_resid_post").save(tmp_path)
    assert json.loads((tmp_path / "cfg.json").read_text()) == COMMON | own
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / "sae_weights.safetensors").items()}
    expected = {"W_enc": (D, F), "W_dec": (F, D), "b_enc": (F,), "b_dec": (D,)}
    assert shapes == expected | ({"threshold": (F,)} if kind == "jumprelu" else {})


def test_a_wrong_width_names_what_it_was_trained_on():
    sae = dictionary("topk", model_name="wheel:tiny", hook_name="blocks.3.hook_resid_post")
    with pytest.raises(TrainingError) as error:
        sae.encode(torch.zeros(2, D + 1))
    assert str(error.value) == (
        "hidden states of shape [2, 7], expected [rows, 6]: this dictionary was trained on blocks.3.hook_resid_post of "
        "wheel:tiny"
    )


def test_what_is_no_matrix_of_float32():
    sae, rows = dictionary("topk"), raw_rows()
    assert torch.equal(sae.encode(rows.double()), sae.encode(rows))  # as a model in float64 gives them
    with pytest.raises(TrainingError) as error:
        sae.encode(rows.numpy())
    assert str(error.value) == (
        "hidden states are a ndarray, expected a torch tensor [rows, 6]; torch.from_numpy makes one of an array"
    )
    with pytest.raises(TrainingError) as error:
        sae.decode(rows)
    assert str(error.value) == (
        f"features of shape {list(rows.shape)}, expected [rows, {F}]: this dictionary was trained on a layer of "
        f"another model"
    )


def test_no_dictionary_there(tmp_path):
    with pytest.raises(MissingArtifactError) as error:
        SparseAutoencoder.load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no dictionary: there is no cfg.json; copy the dictionary again, or, if the sae stage wrote "
        f"it, delete its directory and rerun that stage"
    )
