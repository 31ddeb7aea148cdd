"""What is not read: damaged, foreign and dangerous files, each with an error that says what to do."""

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from samedream.errors import CorruptArtifactError, MissingArtifactError, SamedreamError, UnsafeWeightsError
from samedream.sae.interop import open_dictionary

DATA = Path(__file__).parent.parent / "data"
AGAIN = "copy the dictionary again, or, if the sae stage wrote it, delete its directory and rerun that stage"
SAELENS, DICTIONARY, SPARSIFY = "saelens-jumprelu", "dictionary_learning-batchtopk", "sparsify-topk/layers.5"
NPZ = "gemma_scope-npz/layer_5/width_24/average_l0_4"
SCOPE_2 = "gemma_scope-safetensors/resid_post/layer_5_width_24_l0_small"
READ = (
    "cfg.json and sae_weights.safetensors (SAELens); config.json and ae.pt (dictionary_learning); cfg.json and "
    "sae.safetensors (sparsify); params.npz (Gemma Scope); params.safetensors (Gemma Scope 2)"
)


@pytest.fixture
def copy(tmp_path):
    """A fixture's directory to break."""

    def make(name):
        return Path(shutil.copytree(DATA / name, tmp_path / name))

    return make


def message(error, directory):
    with pytest.raises(error) as raised:
        open_dictionary(directory)
    return str(raised.value)


def change(path, *, inside=None, **changed):
    """Set keys of a JSON file; ... deletes one."""
    config = json.loads(path.read_text())
    place = config[inside] if inside else config
    place |= changed
    for key in [key for key, value in place.items() if value is ...]:
        del place[key]
    path.write_text(json.dumps(config))


def retensor(path, **changed):
    """Set tensors of a file of any format; ... deletes one."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            tensors = {name: torch.from_numpy(file[name]) for name in file.files}
    else:
        tensors = torch.load(path, weights_only=True) if path.suffix == ".pt" else load_file(path)
    tensors = {name: tensor for name, tensor in (tensors | changed).items() if tensor is not ...}
    if path.suffix == ".npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in tensors.items()})
    elif path.suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)


def test_nothing_there(tmp_path):
    assert message(MissingArtifactError, tmp_path / "no") == (
        f"there is no {tmp_path / 'no'}: expected a dictionary, a directory with {READ}. A relative path starts where "
        f"samedream is run"
    )
    assert message(MissingArtifactError, tmp_path) == f"{tmp_path} holds no dictionary: found nothing; expected {READ}"
    for number in range(10):
        (tmp_path / f"{number}.bin").touch()
    assert message(MissingArtifactError, tmp_path) == (
        f"{tmp_path} holds no dictionary: found 0.bin, 1.bin, 2.bin, 3.bin, 4.bin, 5.bin, 6.bin, 7.bin, …; expected "
        f"{READ}"
    )
    assert message(MissingArtifactError, tmp_path / "3.bin") == (
        f"{tmp_path / '3.bin'} is no dictionary: expected {READ}, or their directory"
    )


@pytest.mark.parametrize(
    ("name", "config"), [(SAELENS, "cfg.json"), (DICTIONARY, "config.json"), (SPARSIFY, "cfg.json")]
)
def test_no_configuration(copy, name, config):
    directory = copy(name)
    (directory / config).unlink()
    assert message(MissingArtifactError, directory) == (
        f"{directory} holds no dictionary: there is no {config}; {AGAIN}"
    )


def test_two_dictionaries_in_one_directory(copy):
    directory = copy(SAELENS)
    shutil.copy(DATA / NPZ / "params.npz", directory)
    assert message(CorruptArtifactError, directory) == (
        f"{directory} holds more than one dictionary (sae_weights.safetensors and params.npz): give the path of the "
        f"one you mean"
    )
    assert open_dictionary(directory / "params.npz").apply_b_dec_to_input is False


SETS = [
    (SAELENS, "sae_weights.safetensors", "W_dec, W_enc, b_dec, b_enc, threshold", "threshold"),
    ("saelens-gated", "sae_weights.safetensors", "W_dec, W_enc, b_dec, b_gate, b_mag, r_mag", "r_mag"),
    ("saelens-batchtopk-checkpoint", "sae_weights.safetensors", "W_dec, W_enc, b_dec, b_enc, topk_threshold", "b_enc"),
    (DICTIONARY, "ae.pt", "b_dec, decoder.weight, encoder.bias, encoder.weight, k, threshold", "b_dec"),
    ("dictionary_learning-matryoshka", "ae.pt", "W_dec, W_enc, b_dec, b_enc, group_sizes, k, threshold", "b_enc"),
    (
        "dictionary_learning-gated",
        "ae.pt",
        "decoder.weight, decoder_bias, encoder.weight, gate_bias, mag_bias, r_mag",
        "gate_bias",
    ),
    (SPARSIFY, "sae.safetensors", "W_dec, b_dec, encoder.bias, encoder.weight", "b_dec"),
    (NPZ, "params.npz", "W_dec, W_enc, b_dec, b_enc, threshold", "threshold"),
    (SCOPE_2, "params.safetensors", "W_dec, W_enc, b_dec, b_enc, threshold", "threshold"),
]


@pytest.mark.parametrize(("name", "file", "expected", "one"), SETS, ids=[entry[0].split("/")[0] for entry in SETS])
class TestTensors:
    def test_missing(self, copy, name, file, expected, one):
        path = copy(name) / file
        retensor(path, **{one: ...})
        rest = ", ".join(tensor for tensor in expected.split(", ") if tensor != one)
        assert message(CorruptArtifactError, path.parent) == (
            f"{path} has the tensors {rest}; expected {expected}; {AGAIN}"
        )

    def test_extra(self, copy, name, file, expected, one):
        path = copy(name) / file
        retensor(path, zzz=torch.ones(1))
        assert message(CorruptArtifactError, path.parent) == (
            f"{path} has the tensors {expected}, zzz; expected {expected}; {AGAIN}"
        )

    def test_of_another_shape(self, copy, name, file, expected, one):
        path = copy(name) / file
        size = 8 if one == "b_dec" else 24
        retensor(path, **{one: torch.ones(size + 1)})
        assert message(CorruptArtifactError, path.parent) == (
            f"{path}: {one} has shape [{size + 1}], expected [{size}]; {AGAIN}"
        )

    def test_nan(self, copy, name, file, expected, one):
        path = copy(name) / file
        retensor(path, **{one: torch.full((8 if one == "b_dec" else 24,), torch.nan)})
        assert message(CorruptArtifactError, path.parent) == f"{path}: {one} has NaN or infinite values; {AGAIN}"

    def test_cut_short(self, copy, name, file, expected, one):
        path = copy(name) / file
        whole = path.read_bytes()
        for length in (0, 10, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:length])
            found = message(CorruptArtifactError, path.parent)
            assert re.fullmatch(re.escape(f"{path} cannot be read (") + r"[^\n]+" + re.escape(AGAIN), found)


@pytest.mark.parametrize("file", ["params.npz", "params.safetensors"])
def test_gemma_scope_without_an_encoder(tmp_path, file):
    path = tmp_path / file
    shutil.copy(DATA / (NPZ if file.endswith("npz") else SCOPE_2) / file, path)
    name = "W_enc" if file.endswith("npz") else "w_enc"
    retensor(path, **{name: ...})
    assert message(CorruptArtifactError, path) == (
        f"{path}: W_enc is missing, expected [width of the model, features]; {AGAIN}"
    )
    retensor(path, **{name: torch.ones(3)})
    assert message(CorruptArtifactError, path) == (
        f"{path}: W_enc is [3], expected [width of the model, features]; {AGAIN}"
    )
    retensor(path, **{name: torch.ones(3, 0)})
    assert message(CorruptArtifactError, path) == (
        f"{path}: W_enc is [3, 0], expected [width of the model, features]; {AGAIN}"
    )


def test_numbers_that_are_no_plain_numbers(copy):
    path = copy(DICTIONARY) / "ae.pt"
    retensor(path, b_dec=torch.ones(8).to_sparse())
    assert message(CorruptArtifactError, path) == (
        f"{path}: b_dec is torch.sparse.FloatTensor, expected plain float numbers; {AGAIN}"
    )
    retensor(path, b_dec=torch.ones(8, dtype=torch.int64))  # weights as integers would want a factor that is not there
    assert (
        message(CorruptArtifactError, path)
        == f"{path}: b_dec is torch.LongTensor, expected plain float numbers; {AGAIN}"
    )


class Runs:
    """A pickle that runs code when it is opened."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (lambda path: torch.save({"b_dec": Runs()}, path), "posix.mkdir"),
        (lambda path: path.write_bytes(pickle.dumps(Runs())), "not written by torch.save"),
        (lambda path: path.write_bytes(pickle.dumps(Runs(), protocol=2)), "posix.mkdir"),
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), "torch.nn.modules.linear.Linear"),
    ],
    ids=["in a state dict", "bare", "bare and old", "a module"],
)
def test_a_pickle_that_may_run_code(copy, monkeypatch, content, named):
    path = copy(DICTIONARY) / "ae.pt"
    monkeypatch.chdir(path.parent)
    content(path)
    assert message(UnsafeWeightsError, path.parent) == (
        f"{path} is a pickle that holds more than tensors ({named}): opening it could run any code, so it is not "
        f"opened. Where you trust it, load it with the library it is from and save its tensors alone: "
        f"torch.save(dictionary.state_dict(), 'ae.pt')"
    )
    assert not Path("ran").exists()


def test_a_pt_file_that_is_no_state_dict(copy):
    path = copy(DICTIONARY) / "ae.pt"
    for content, kind in (
        (torch.ones(3), "Tensor"),
        ({"state_dict": {"b_dec": torch.ones(3)}}, "dict"),
        ({1: torch.ones(3)}, "dict"),
    ):
        torch.save(content, path)
        assert message(CorruptArtifactError, path) == (
            f"{path} holds a {kind} that is no state dict, expected names and tensors; save the dictionary again: "
            f"torch.save(dictionary.state_dict(), 'ae.pt')"
        )
    path.write_bytes(b"hello")
    assert message(CorruptArtifactError, path) == (
        f"{path} cannot be read (KeyError): expected what torch.save writes, whole; {AGAIN}"
    )


def test_pickled_objects_in_an_npz(copy):
    path = copy(NPZ) / "params.npz"
    np.savez(path, W_enc=np.array([Runs()], dtype=object))
    assert message(CorruptArtifactError, path) == (
        f"{path} cannot be read (Object arrays cannot be loaded when allow_pickle=False); {AGAIN}"
    )
    assert not Path("ran").exists()


FOLDED = (
    "its weights are for hidden states that were transformed by numbers this directory does not hold; save it folded "
    "(save_inference_model in SAELens) and give that directory"
)
BY_ROW = "every hidden state is scaled by its own length, which fixed weights cannot do; such dictionaries are not read"
KINDS = "standard, jumprelu, topk, gated, batchtopk, matryoshka_batchtopk"
CONFIGS = [
    (SAELENS, {"architecture": "temporal"}, f"{{cfg}}: the architecture is 'temporal', this samedream reads {KINDS}"),
    (SAELENS, {"architecture": "jumprelu_transcoder"},
     f"{{cfg}}: the architecture is 'jumprelu_transcoder', this samedream reads {KINDS}"),
    (SAELENS, {"architecture": ...}, f"{{cfg}} has no key 'architecture'; {AGAIN}"),
    (SAELENS, {"d_sae": ...}, f"{{cfg}} has no key 'd_sae'; {AGAIN}"),
    (SAELENS, {"d_in": "8"}, f"{{cfg}}: d_in is '8', expected a whole number; {AGAIN}"),
    (SAELENS, {"d_in": 2304}, f"{{weights}}: W_enc has shape [8, 24], expected [2304, 24]; {AGAIN}"),
    (SAELENS, {"apply_b_dec_to_input": "no"},
     f"{{cfg}}: apply_b_dec_to_input is 'no', expected true or false; {AGAIN}"),
    (SAELENS, {"metadata": [1]}, f"{{cfg}}: metadata is [1], expected an object; {AGAIN}"),
    (SAELENS, {"normalize_activations": "expected_average_only_in"},
     f"{{cfg}}: normalize_activations is 'expected_average_only_in': {FOLDED}"),
    (SAELENS, {"normalize_activations": "covariance_whitening"},
     f"{{cfg}}: normalize_activations is 'covariance_whitening': {FOLDED}"),
    (SAELENS, {"normalize_activations": "layer_norm"}, f"{{cfg}}: normalize_activations is 'layer_norm': {BY_ROW}"),
    (SAELENS, {"normalize_activations": "other"},
     "{cfg}: normalize_activations is 'other': this samedream reads 'none'"),
    (SAELENS, {"reshape_activations": "hook_z"},
     "{cfg}: reshape_activations is 'hook_z': it reads the outputs of attention heads, samedream's hidden states are "
     "the residual stream's"),
    ("saelens-topk", {"k": 25}, f"{{cfg}}: k is 25, expected at most the 24 features; {AGAIN}"),
    ("saelens-topk", {"k": None}, f"{{cfg}}: k is None, expected a whole number; {AGAIN}"),
    ("saelens5-standard", {"normalize_activations": True},
     f"{{cfg}}: normalize_activations is 'expected_average_only_in': {FOLDED}"),
    ("saelens5-standard", {"hook_name": "blocks.5.attn.hook_z"},
     "{cfg}: reshape_activations is 'hook_z': it reads the outputs of attention heads, samedream's hidden states are "
     "the residual stream's"),
    ("saelens5-standard", {"activation_fn_str": "tanh-relu"},
     "{cfg}: the activation is 'tanh-relu' in the architecture 'standard', this samedream reads 'relu', and 'topk' "
     "with a k; open it in SAELens and save it again (save_model)"),
    ("saelens5-topk", {"activation_fn_kwargs": {}},
     "{cfg}: the activation is 'topk' in the architecture 'standard', this samedream reads 'relu', and 'topk' with a "
     "k; open it in SAELens and save it again (save_model)"),
    ("saelens5-topk", {"architecture": "gated"},
     "{cfg}: the activation is 'topk' in the architecture 'gated', this samedream reads 'relu', and 'topk' with a "
     "k; open it in SAELens and save it again (save_model)"),
    ("saelens5-standard", {"finetuning_scaling_factor": True},
     "{cfg}: finetuning_scaling_factor is true: activations are scaled after encoding, which is not read"),
    (SPARSIFY, {"activation": "groupmax"},
     "{cfg}: activation is 'groupmax' (groups of features compete), this samedream reads TopK autoencoders only "
     "(activation 'topk')"),
    (SPARSIFY, {"skip_connection": True},
     "{cfg}: skip_connection is True (the input also goes straight to the output), this samedream reads TopK "
     "autoencoders only (skip_connection False)"),
    (SPARSIFY, {"transcode": True},
     "{cfg}: transcode is True (it predicts the output of a layer from its input), this samedream reads TopK "
     "autoencoders only (transcode False)"),
    (SPARSIFY, {"k": 25}, f"{{cfg}}: k is 25, expected at most the 24 features; {AGAIN}"),
    (SPARSIFY, {"num_latents": 0},  # 32 times 8
     f"{{sparse}}: encoder.weight has shape [24, 8], expected [256, 8]; {AGAIN}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changed", "text"), CONFIGS)
def test_a_configuration_that_is_not_read(copy, name, changed, text):
    directory = copy(name)
    path = directory / "cfg.json"
    change(path, **changed)
    expected = text.format(
        cfg=path, weights=directory / "sae_weights.safetensors", sparse=directory / "sae.safetensors"
    )
    assert message(CorruptArtifactError, directory) == expected


CLASSES = (
    "AutoEncoder, AutoEncoderNew, AutoEncoderTopK, BatchTopKSAE, MatryoshkaBatchTopKSAE, JumpReluAutoEncoder, "
    "GatedAutoEncoder"
)


@pytest.mark.parametrize(
    ("name", "changed", "text"),
    [
        (DICTIONARY, {"dict_class": "CrossCoder"},
         f"{{cfg}}: dict_class is 'CrossCoder', this samedream reads {CLASSES}"),
        (DICTIONARY, {"dict_class": ...}, f"{{cfg}}: dict_class is None, this samedream reads {CLASSES}"),
        (DICTIONARY, {"dict_size": ...}, f"{{cfg}} has no key 'dict_size'; {AGAIN}"),
        ("dictionary_learning-topk", {"k": 5},
         f"{{weights}}: k is 4, expected the 5 of config.json and at most the 24 features; {AGAIN}"),
    ],
)  # fmt: skip
def test_a_trainer_that_is_not_read(copy, name, changed, text):
    directory = copy(name)
    change(directory / "config.json", inside="trainer", **changed)
    expected = text.format(cfg=directory / "config.json", weights=directory / "ae.pt")
    assert message(CorruptArtifactError, directory) == expected


def test_no_trainer(copy):
    directory = copy(DICTIONARY)
    (directory / "config.json").write_text("{}")
    assert message(CorruptArtifactError, directory) == (
        f'{directory / "config.json"} has no "trainer" with the dictionary\'s settings; {AGAIN}'
    )


@pytest.mark.parametrize("name", [DICTIONARY, "dictionary_learning-matryoshka"])
def test_a_threshold_that_was_never_set(copy, name):
    path = copy(name) / "ae.pt"
    retensor(path, threshold=torch.tensor(-1.0))
    assert message(CorruptArtifactError, path) == (
        f"{path}: threshold is -1: it was never set, so every feature above 0 would be active. Train longer than "
        f"threshold_start_step (1,000 steps by default), or lower that"
    )


def test_a_transcoder_of_gemma_scope(copy):
    directory = copy(SCOPE_2)
    change(directory / "config.json", hf_hook_point_out="model.layers.5.mlp.output")
    assert message(CorruptArtifactError, directory) == (
        f"{directory / 'config.json'}: the architecture is 'jump_relu' from model.layers.5.output to "
        f"model.layers.5.mlp.output, this samedream reads jump_relu autoencoders, which give back what they read"
    )


@pytest.mark.parametrize("text", ["", "{", '{"d_in"', "\x00", "[" * 100_000], ids=lambda text: text[:6] or "empty")
def test_a_configuration_that_is_no_json(copy, text):
    directory = copy(SAELENS)
    (directory / "cfg.json").write_text(text)
    assert message(CorruptArtifactError, directory).startswith(f"{directory / 'cfg.json'} is not JSON (")


def test_a_configuration_that_is_a_list(copy):
    directory = copy(SAELENS)
    (directory / "cfg.json").write_text("[1]")
    assert message(CorruptArtifactError, directory) == (
        f"{directory / 'cfg.json'} holds a list, expected an object; {AGAIN}"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 40) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("name", ["saelens-topk", "saelens5-topk", DICTIONARY, SPARSIFY, SCOPE_2])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_the_configuration_nothing_but_our_errors_comes_out(name, data, tmp_path_factory):
    directory = Path(shutil.copytree(DATA / name, tmp_path_factory.mktemp("any") / "copy"))
    path = next(directory.glob("c*.json"))
    config = json.loads(path.read_text())
    place = config["trainer"] if data.draw(st.booleans()) and "trainer" in config else config
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    path.write_text(json.dumps(config))
    try:
        sae = open_dictionary(directory)
    except SamedreamError as error:
        assert str(path.parent) in str(error)
    else:
        assert (sae.d_in, sae.d_sae) == (8, 24)
