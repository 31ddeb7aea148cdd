"""Folding, the SAELens layout on disk, and what is refused when reading it."""

import json
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from samedream.errors import CorruptArtifactError, MissingArtifactError, TrainingError
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


def test_no_dictionary_there(tmp_path):
    with (tmp_path / "ae.pt").open("wb") as file:
        pickle.dump({}, file)
    with pytest.raises(MissingArtifactError) as error:
        SparseAutoencoder.load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no dictionary: there is no cfg.json. Expected the layout of SAELens 6 (cfg.json and "
        f"sae_weights.safetensors); pickled weights (.pt) are not opened"
    )


def broken_config(directory, **changed):
    path = directory / "cfg.json"
    config = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not ...}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"d_sae": ...}, "{cfg} has no key 'd_sae'; {again}"),
        ({"d_in": "6"}, "{cfg}: d_in is '6', expected a whole number; {again}"),
        ({"architecture": "gated"}, "{cfg}: the architecture is 'gated', this samedream reads jumprelu and topk"),
        ({"architecture": "topk"}, "{cfg}: k is None, expected a whole number; {again}"),
        ({"normalize_activations": "layer_norm"}, "{cfg}: normalize_activations is 'layer_norm', this samedream reads "
         "'none'; save the dictionary folded (save_inference_model in SAELens)"),
        ({"d_in": 7}, "{weights}: W_enc has shape [6, 10], expected [7, 10] from cfg.json; {again}"),
    ],
)  # fmt: skip
def test_a_configuration_that_does_not_fit(changed, message, tmp_path):
    dictionary("jumprelu").save(tmp_path)
    broken_config(tmp_path, **changed)
    with pytest.raises(CorruptArtifactError) as error:
        SparseAutoencoder.load(tmp_path)
    again = f"delete {tmp_path} and rerun the sae stage, or copy the dictionary again"
    assert str(error.value) == message.format(
        cfg=tmp_path / "cfg.json", weights=tmp_path / "sae_weights.safetensors", again=again
    )


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"d_in"'])
def test_a_configuration_that_is_no_object(text, tmp_path):
    dictionary("topk").save(tmp_path)
    (tmp_path / "cfg.json").write_text(text)
    expected = f"^{re.escape(str(tmp_path / 'cfg.json'))} (is not JSON|holds a list)"
    with pytest.raises(CorruptArtifactError, match=expected):
        SparseAutoencoder.load(tmp_path)


def test_truncated_weights(tmp_path):
    dictionary("topk").save(tmp_path)
    path = tmp_path / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CorruptArtifactError, match=f"^{re.escape(str(path))} cannot be read"):
        SparseAutoencoder.load(tmp_path)


def test_missing_extra_and_nan_tensors(tmp_path):
    dictionary("jumprelu").save(tmp_path)
    path = tmp_path / "sae_weights.safetensors"
    again = f"delete {tmp_path} and rerun the sae stage, or copy the dictionary again"
    whole = load_file(path)
    save_file({name: tensor for name, tensor in whole.items() if name != "threshold"}, path)
    with pytest.raises(CorruptArtifactError) as error:
        SparseAutoencoder.load(tmp_path)
    assert str(error.value) == (
        f"{path} has the tensors W_dec, W_enc, b_dec, b_enc; expected W_dec, W_enc, b_dec, b_enc, threshold; {again}"
    )
    save_file(whole | {"scaling_factor": torch.ones(1)}, path)
    with pytest.raises(CorruptArtifactError, match="has the tensors .* scaling_factor"):
        SparseAutoencoder.load(tmp_path)
    save_file(whole | {"b_enc": torch.full((F,), torch.nan)}, path)
    with pytest.raises(CorruptArtifactError) as error:
        SparseAutoencoder.load(tmp_path)
    assert str(error.value) == f"{path}: b_enc has NaN or infinite values; {again}"
