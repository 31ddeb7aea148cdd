"""Dictionaries that the peers' own code wrote (`write_fixtures.py`) encode and decode here what they do there."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.interop import open_dictionary
from samedream.sae.interop.formats import find
from samedream.sae.interop.weights import unit_decoder, without_gate

DATA = Path(__file__).parent.parent / "data"
EXPECTED = "expected.safetensors"
FIXTURES = {
    "dictionary_learning-april": "jumprelu",
    "dictionary_learning-batchtopk": "jumprelu",
    "dictionary_learning-gated": "jumprelu",
    "dictionary_learning-jumprelu": "jumprelu",
    "dictionary_learning-matryoshka": "jumprelu",
    "dictionary_learning-standard": "jumprelu",
    "dictionary_learning-topk": "topk",
    "gemma_scope-npz/layer_5/width_24/average_l0_4": "jumprelu",
    "gemma_scope-safetensors/resid_post/layer_5_width_24_l0_small": "jumprelu",
    "saelens-batchtopk-checkpoint": "jumprelu",
    "saelens-gated": "jumprelu",
    "saelens-jumprelu": "jumprelu",
    "saelens-jumprelu-uncentred": "jumprelu",
    "saelens-matryoshka-checkpoint": "jumprelu",
    "saelens-standard": "jumprelu",
    "saelens-topk": "topk",
    "saelens-topk-rescaled": "topk",
    "saelens5-standard": "jumprelu",
    "saelens5-topk": "topk",
    "sparsify-topk/layers.5": "topk",
}


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_every_fixture_is_tested():
    assert sorted(str(path.parent.relative_to(DATA)) for path in DATA.rglob(EXPECTED)) == sorted(FIXTURES)


@pytest.mark.parametrize("name", FIXTURES)
def test_it_encodes_and_decodes_what_the_peer_does(name, tmp_path):
    expected = load_file(DATA / name / EXPECTED)
    sae = open_dictionary(DATA / name)
    assert (sae.architecture, sae.d_in, sae.d_sae) == (FIXTURES[name], 8, 24)
    assert sae.k == (4 if sae.architecture == "topk" else None)
    features = sae.encode(expected["rows"])
    close(features, expected["features"])
    assert torch.equal(features > 0, expected["features"] > 0)
    close(sae.decode(expected["features"]), expected["reconstruction"])
    sae.save(tmp_path)
    again = SparseAutoencoder.load(tmp_path)  # the layout that the rest of a study reads
    assert torch.equal(again.encode(expected["rows"]), features)
    assert torch.equal(again.decode(features), sae.decode(features))


def test_what_a_fixture_is_meant_to_show_is_in_it():
    def found(name):
        sae = open_dictionary(DATA / name)
        return sae, load_file(DATA / name / EXPECTED)

    for name in ("saelens-gated", "dictionary_learning-gated", "saelens-jumprelu", "dictionary_learning-jumprelu"):
        sae, expected = found(name)  # a gate, or a threshold, closes features that relu alone would leave active
        assert int((sae.pre_activations(expected["rows"]) > 0).sum()) > int(expected["features"].count_nonzero())
    sae, expected = found("sparsify-topk/layers.5")  # fewer than k above 0 in some rows
    assert int(expected["features"].count_nonzero(1).min()) < 4
    sae, expected = found("saelens-topk-rescaled")  # other features than without the decoder's norms
    plain = open_dictionary(DATA / "saelens-topk")
    assert not torch.equal(plain.encode(expected["rows"]) > 0, expected["features"] > 0)
    for name in ("saelens-jumprelu-uncentred", "dictionary_learning-jumprelu"):
        assert not found(name)[0].apply_b_dec_to_input


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("saelens-topk", ("gpt2-small", "blocks.5.hook_resid_post")),
        ("saelens5-topk", ("gpt2-small", "blocks.5.hook_resid_post")),
        ("dictionary_learning-topk", ("EleutherAI/pythia-70m", "resid_post_layer_3")),
        ("sparsify-topk/layers.5", ("HuggingFaceTB/SmolLM2-135M", "layers.5")),
        ("gemma_scope-npz/layer_5/width_24/average_l0_4", (None, "layer_5")),
        (
            "gemma_scope-safetensors/resid_post/layer_5_width_24_l0_small",
            ("gemma-v3-270m-pt", "model.layers.5.output"),
        ),
    ],
)
def test_what_the_files_say_of_the_model_and_the_layer(name, metadata):
    found = open_dictionary(DATA / name).metadata
    assert (found.get("model_name"), found.get("hook_name")) == metadata


def test_a_dictionary_saved_here_says_it_is_in_the_layout_of_saelens_6(tmp_path):
    old = open_dictionary(DATA / "saelens5-standard")
    old.metadata["sae_lens_version"] = "3.20.0"  # SAELens would take the whole configuration for an old one
    old.save(tmp_path)
    assert SparseAutoencoder.load(tmp_path).metadata["sae_lens_version"] == "6.54.12"


def test_a_file_of_it_may_be_named_and_other_names_are_gemma_scopes(tmp_path):
    whole = open_dictionary(DATA / "saelens-topk")
    for name in ("sae_weights.safetensors", "cfg.json"):
        assert torch.equal(open_dictionary(DATA / "saelens-topk" / name).W_enc, whole.W_enc)
    scope = open_dictionary(DATA / "gemma_scope-npz/layer_5/width_24/average_l0_4")
    tensors = {name: getattr(scope, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec", "threshold")}
    save_file(tensors, tmp_path / "mine.safetensors")
    rows = load_file(DATA / "saelens-topk" / EXPECTED)["rows"]
    assert torch.equal(open_dictionary(str(tmp_path / "mine.safetensors")).encode(rows), scope.encode(rows))


def test_half_precision_is_read_as_float32(tmp_path):
    scope = load_file(DATA / "gemma_scope-safetensors/resid_post/layer_5_width_24_l0_small/params.safetensors")
    save_file({name: tensor.bfloat16() for name, tensor in scope.items()}, tmp_path / "params.safetensors")
    sae = open_dictionary(tmp_path)
    assert sae.W_enc.dtype == sae.threshold.dtype == torch.float32
    assert torch.equal(sae.W_dec, scope["w_dec"].bfloat16().float())


def test_a_scaling_factor_of_ones_does_nothing(tmp_path):
    source = DATA / "saelens5-standard"
    (tmp_path / "cfg.json").write_bytes((source / "cfg.json").read_bytes())
    tensors = load_file(source / "sae_weights.safetensors") | {"scaling_factor": torch.ones(24)}
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    rows = load_file(source / EXPECTED)["rows"]
    assert torch.equal(open_dictionary(tmp_path).encode(rows), open_dictionary(source).encode(rows))


def test_a_gate_by_hand():
    # h = x. Feature 0: e^r = 2, b_mag = 1, b_gate = -3: open where x > 3, then 2x + 1, so p > 2*3 + 1 = 7.
    # Feature 1: e^r = 1, b_mag = -2, b_gate = 5: open where x > -5, but relu(x - 2) is 0 there: the threshold is 0.
    tensors = {
        "W_enc": torch.ones(1, 2), "r_mag": torch.tensor([2.0, 1.0]).log(), "b_mag": torch.tensor([1.0, -2.0]),
        "b_gate": torch.tensor([-3.0, 5.0]), "W_dec": torch.eye(2)[:, :1], "b_dec": torch.zeros(1),
    }  # fmt: skip
    found = without_gate(tensors)
    assert found["threshold"].tolist() == [7.0, 0.0]
    sae = SparseAutoencoder("jumprelu", found)
    assert sae.encode(torch.tensor([[3.0], [3.5], [-4.0], [2.5]])).tolist() == [[0, 1], [8, 1.5], [0, 0], [0, 0.5]]


def test_unit_decoder_by_hand():
    tensors = {
        "W_enc": torch.tensor([[1.0, 1.0], [0.0, 2.0]]), "b_enc": torch.tensor([1.0, 3.0]),
        "W_dec": torch.tensor([[3.0, 4.0], [0.0, 0.0]]), "b_dec": torch.zeros(2),
    }  # fmt: skip
    found = unit_decoder(tensors)  # the first row has norm 5, the second, of norm 0, is left alone
    assert found["W_enc"].tolist() == [[5.0, 1.0], [0.0, 2.0]]
    assert found["b_enc"].tolist() == [5.0, 3.0]
    close(found["W_dec"], torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_the_fingerprint_is_of_the_content_not_of_the_place(tmp_path):
    source = DATA / "dictionary_learning-topk"
    for name in ("ae.pt", "config.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    print_of_it = find(source).fingerprint()
    assert find(tmp_path).fingerprint() == print_of_it
    (tmp_path / "config.json").write_text((tmp_path / "config.json").read_text() + "\n")
    assert find(tmp_path).fingerprint() != print_of_it
    assert find(DATA / "dictionary_learning-batchtopk").fingerprint() != print_of_it
