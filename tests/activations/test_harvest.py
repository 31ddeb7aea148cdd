"""Harvests resume at the shard and end with the same bytes; what is left out is counted."""

import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest
import torch
import transformers as hf

from samedream import artifacts
from samedream.activations import harvest as harvesting
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.shards import read_header, shard_name
from samedream.activations.store import ActivationStore
from samedream.errors import (
    CorpusError,
    CorruptArtifactError,
    DiskFullError,
    MissingArtifactError,
    ModelError,
    StaleArtifactError,
)

CONFIG = HarvestConfig(layers=(0, 1), shard_passages=16, batch_tokens=400)


def contents(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


@pytest.fixture(scope="module")
def undisturbed(tiny_models, passages, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    harvest(str(tiny_models["llama"]), passages, CONFIG, out)
    return out


def test_store_in_the_order_of_the_corpus(undisturbed, passages):
    store = ActivationStore.open(undisturbed)
    assert store.passage_ids == [passage.passage_id for passage in passages]
    assert store.article_ids == [passage.article_id for passage in passages]
    assert sorted(store.manifest.files) == ["passages.parquet", *(shard_name(n) for n in range(4))]  # 60 in 16s
    shards = list(store.shards())
    rows = np.concatenate([shard.passage for shard in shards])
    assert np.array_equal(rows, store.row_passages())
    assert (np.diff(rows) >= 0).all()
    assert set(rows) == set(range(60))
    assert store.rows() == len(rows) == len(store.vectors())
    assert torch.equal(torch.cat([shard.vectors for shard in shards]), store.vectors())
    assert shards[0].vectors.dtype == torch.float32
    assert (shards[0].passage.dtype, shards[0].start.dtype, shards[0].end.dtype) == (np.int64, np.int32, np.int32)
    assert store.counts["special_tokens"] == 60  # one <bos> each
    assert store.counts["tokens"] == store.rows() + 60


def test_no_paths_and_no_times_in_the_manifest(undisturbed):
    text = (undisturbed / "manifest.json").read_text()
    assert str(undisturbed) not in text
    assert not list(undisturbed.glob(".*"))
    assert not (undisturbed / "started.json").exists()


@pytest.mark.parametrize("at", [0, 2, 3])
def test_killed_and_rerun_ends_with_the_same_bytes(at, undisturbed, tiny_models, passages, tmp_path, monkeypatch):
    real, made = harvesting.write_shard, []

    def break_off(path, tensors, **rest):
        if path.name == shard_name(at):
            raise KeyboardInterrupt
        real(path, tensors, **rest)

    monkeypatch.setattr(harvesting, "write_shard", break_off)
    with pytest.raises(KeyboardInterrupt):
        harvest(str(tiny_models["llama"]), passages, CONFIG, tmp_path)
    assert len(list(tmp_path.glob("shard-*"))) == at
    with pytest.raises(MissingArtifactError, match="is not finished"):
        ActivationStore.open(tmp_path)
    monkeypatch.setattr(harvesting, "write_shard", lambda path, *a, **k: (made.append(path.name), real(path, *a, **k)))
    harvest(str(tiny_models["llama"]), iter(passages), CONFIG, tmp_path)
    assert made == [shard_name(number) for number in range(at, 4)]
    assert contents(tmp_path) == contents(undisturbed)


_CHILD = """
import os, sys
from pathlib import Path
import msgspec, torch
from samedream.activations import harvest as harvesting
from samedream.activations.config import HarvestConfig
from samedream.records import Passage
torch.set_num_threads(1)
source, out = sys.argv[1], Path(sys.argv[2])
passages = msgspec.json.decode(Path(sys.argv[3]).read_bytes(), type=list[Passage])
real = harvesting.write_shard
def write(path, tensors, **rest):
    if path.name == "shard-00002.safetensors":
        path.with_name(f".{path.name}.{os.getpid()}.tmp").write_bytes(b"half a shard")
        os.kill(os.getpid(), 9)
    real(path, tensors, **rest)
harvesting.write_shard = write
harvesting.harvest(source, passages, HarvestConfig(layers=(0, 1), shard_passages=16, batch_tokens=400), out)
"""


@pytest.mark.slow
def test_kill_9(undisturbed, tiny_models, passages, tmp_path):
    listed, out = tmp_path / "passages.json", tmp_path / "out"
    listed.write_bytes(msgspec.json.encode(passages))
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tiny_models["llama"]), str(out), str(listed)],
        env=dict(os.environ),
        capture_output=True,
        check=False,
    )
    assert child.returncode == -9, child.stderr.decode()
    assert len(list(out.glob("shard-*"))) == 2
    harvest(str(tiny_models["llama"]), passages, CONFIG, out)
    assert contents(out) == contents(undisturbed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"",
        lambda data: b"x" * 40,
    ],
    ids=["truncated", "one bit", "empty", "rubbish"],
)
def test_a_damaged_shard_is_made_again(damage, undisturbed, tiny_models, passages, tmp_path):
    for path in undisturbed.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = tmp_path / shard_name(1)
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(CorruptArtifactError, match="only damaged shards are made again") as caught:
        list(ActivationStore.open(tmp_path).shards())
    assert str(shard) in str(caught.value)
    (tmp_path / "manifest.json").unlink()
    harvest(str(tiny_models["llama"]), passages, CONFIG, tmp_path)
    assert contents(tmp_path) == contents(undisturbed)


def test_done_is_done(undisturbed, tiny_models, passages, monkeypatch):
    monkeypatch.setattr(harvesting, "load", lambda *_: pytest.fail("the model was loaded again"))
    again = harvest(str(tiny_models["llama"]), passages, CONFIG, undisturbed)
    assert again.rows() == ActivationStore.open(undisturbed).rows()
    with pytest.raises(StaleArtifactError, match="the input passages"):
        harvest(str(tiny_models["llama"]), passages[1:], CONFIG, undisturbed)
    with pytest.raises(StaleArtifactError, match="the setting sink_ratio = 10.0, now it is 9.0"):
        harvest(str(tiny_models["llama"]), passages, CONFIG.model_copy(update={"sink_ratio": 9.0}), undisturbed)


def test_all_shards_there_needs_no_model(undisturbed, tiny_models, passages, tmp_path, monkeypatch):
    for path in undisturbed.glob("shard-*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / shard_name(9)).write_bytes((tmp_path / shard_name(0)).read_bytes())  # of some longer corpus
    monkeypatch.setattr(harvesting, "load", lambda *_: pytest.fail("the model was loaded"))
    harvest(str(tiny_models["llama"]), passages, CONFIG, tmp_path)
    assert contents(tmp_path) == contents(undisturbed)


def test_one_vector_per_passage(tiny_models, passages, tmp_path):
    source, some = str(tiny_models["gemma3"]), passages[:8]
    tokens = harvest(source, some, HarvestConfig(), tmp_path / "tokens")
    of, vectors = tokens.row_passages(), tokens.vectors()
    edges = [(s.start, s.end) for s in tokens.shards()][0]
    for position, pick in (("mean", None), ("last", -1), (-2, -2), (0, 0)):
        store = harvest(source, some, HarvestConfig(position=position), tmp_path / str(position))
        assert store.row_passages().tolist() == list(range(8))
        shard = next(store.shards())
        for number in range(8):
            own = np.flatnonzero(of == number)
            if pick is None:
                expected, span = vectors[own].mean(0), (edges[0][own[0]], edges[1][own[-1]])
            else:
                expected, span = vectors[own[pick]], (edges[0][own[pick]], edges[1][own[pick]])
            torch.testing.assert_close(shard.vectors[number], expected, rtol=2**-7, atol=2**-7)
            assert (shard.start[number], shard.end[number]) == span


def test_what_cannot_be_read_is_left_out_and_counted(tiny_models, passages, tmp_path):
    changed = [
        passages[0],
        msgspec.structs.replace(passages[1], text="many words " * 100),
        msgspec.structs.replace(passages[2], text=""),
        msgspec.structs.replace(passages[3], text="A"),
    ]
    store = harvest(str(tiny_models["gpt2"]), changed, HarvestConfig(position=-3, context_tokens=60), tmp_path)
    assert len(store.passage_ids) == 4  # rows of the activity matrix stay those of the corpus
    assert store.row_passages().tolist() == [0]
    assert store.counts["left_out"] == {
        "too long": {"passages": 1, "first": [passages[1].passage_id]},
        "too short": {"passages": 1, "first": [passages[3].passage_id]},
        "no text": {"passages": 1, "first": [passages[2].passage_id]},
    }


def test_a_models_own_limit_holds(tiny_models, passages, tmp_path):
    long = msgspec.structs.replace(passages[0], text="x " * 300)  # the tiny models read 256 tokens
    store = harvest(str(tiny_models["gpt2"]), [long, passages[1]], HarvestConfig(), tmp_path)
    assert store.counts["left_out"]["too long"]["first"] == [long.passage_id]


def test_nothing_to_read(tiny_models, passages, tmp_path):
    with pytest.raises(CorpusError, match="there are no passages to read"):
        harvest(str(tiny_models["gpt2"]), [], HarvestConfig(), tmp_path / "a")
    empty = [msgspec.structs.replace(passage, text="") for passage in passages[:2]]
    with pytest.raises(CorpusError, match=r"none of the 2 passages could be read with .*: 2 no text"):
        harvest(str(tiny_models["gpt2"]), empty, HarvestConfig(), tmp_path / "b")


def test_sinks_are_left_out_and_counted(tiny_models, passages, tmp_path):
    """Planted: a token's embedding is made 1,000 times longer; its rows, and no others, pass 10 times the median."""
    model = hf.AutoModel.from_pretrained(tiny_models["gpt2"])
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gpt2"])
    sink = tokenizer("é", add_special_tokens=False)["input_ids"][0]
    with torch.no_grad():
        model.get_input_embeddings().weight[sink] *= 1000
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    ids = [tokenizer(passage.text)["input_ids"] for passage in passages]
    planted = sum(row.count(sink) for row in ids)
    assert planted > 0
    store = harvest(str(tmp_path / "model"), passages, HarvestConfig(layers=(0,)), tmp_path / "out")
    layer = store.layer_counts["block-0"]
    assert layer.sink_rows == planted
    assert store.rows() == layer.rows - planted == sum(map(len, ids)) - planted
    assert float(store.vectors().norm(dim=1).max()) <= layer.sink_threshold * 1.01
    assert layer.sink_threshold == pytest.approx(10 * layer.median_norm)


def test_hidden_states_that_are_not_finite(tiny_models, passages, tmp_path):
    model = hf.AutoModel.from_pretrained(tiny_models["gpt2"])
    with torch.no_grad():
        model.h[1].mlp.c_proj.bias[0] = float("nan")
    model.save_pretrained(tmp_path / "model")
    hf.AutoTokenizer.from_pretrained(tiny_models["gpt2"]).save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="hidden states"):
        harvest(str(tmp_path / "model"), passages[:2], HarvestConfig(), tmp_path / "out")


def test_a_full_disk_leaves_what_is_whole(undisturbed, tiny_models, passages, tmp_path, monkeypatch):
    import samedream.activations.shards as shards

    real = shards.save_file

    def full(tensors, path, **rest):
        if "00001" in str(path):
            raise shards.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        real(tensors, path, **rest)

    monkeypatch.setattr(shards, "save_file", full)
    with pytest.raises(DiskFullError, match="Nothing is lost: free some space and rerun"):
        harvest(str(tiny_models["llama"]), passages, CONFIG, tmp_path)
    assert read_header(tmp_path / shard_name(0)) is not None
    assert not (tmp_path / shard_name(1)).exists()
    monkeypatch.undo()
    harvest(str(tiny_models["llama"]), passages, CONFIG, tmp_path)
    assert contents(tmp_path) == contents(undisturbed)


def test_stage_of_a_study(tiny_models, passages, tmp_path):
    from samedream.activations.run import run
    from samedream.corpus.store import save_passages

    corpus = tmp_path / "corpus"
    save_passages(corpus, passages[:10])
    artifacts.finish(corpus, "corpus", {}, inputs={}, counts={}, files=[corpus / "passages.parquet"])
    store = run(tmp_path / "out", HarvestConfig(), source=str(tiny_models["opt"]), corpus=corpus)
    assert store.manifest.inputs == {"corpus": artifacts.require_manifest(corpus).fingerprint()}
    before = contents(tmp_path / "out")
    run(tmp_path / "out", HarvestConfig(), source=str(tiny_models["opt"]), corpus=corpus)
    assert contents(tmp_path / "out") == before
    with pytest.raises(StaleArtifactError, match="the setting source"):
        run(tmp_path / "out", HarvestConfig(), source=str(tiny_models["gpt2"]), corpus=corpus)
