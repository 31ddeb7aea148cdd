"""Hidden states are those of transformers itself, at every block, for every architecture."""

import numpy as np
import pytest
import torch
import transformers as hf
from torch import nn

from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.hooks import BlockReader, WantedLayer, find_blocks, wanted_layers
from samedream.errors import LayerError, ModelError

ARCHITECTURES = ("llama", "gemma3", "gpt2", "opt", "qwen2")


def load(directory):
    return hf.AutoModel.from_pretrained(directory, dtype=torch.float32).eval()


def before_final_norm(model):
    """The input of the final norm, for the architectures of the fixtures."""
    seen = []
    for name in ("norm", "ln_f", "decoder.final_layer_norm"):
        try:
            module = model.get_submodule(name)
        except AttributeError:
            continue
        module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    return seen


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_states_are_those_of_transformers_one_by_one(architecture, tiny_models, passages, tmp_path):
    """Bucketed, padded batches in shards == each passage alone through the plain model with output_hidden_states."""
    some = passages[:14]
    config = HarvestConfig(layers=(0, 1), batch_tokens=300, shard_passages=5, dtype="float32")
    store = harvest(str(tiny_models[architecture]), some, config, tmp_path)
    assert store.layers == ["block-0", "block-1"]
    assert store.d_model == 32
    model, seen = load(tiny_models[architecture]), []
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models[architecture])
    seen = before_final_norm(model)
    first, last = [], []
    for passage in some:
        encoded = tokenizer(passage.text, return_tensors="pt")
        with torch.inference_mode():
            states = model(**encoded, output_hidden_states=True, use_cache=False).hidden_states
        own = torch.tensor([int(i) not in (tokenizer.bos_token_id,) for i in encoded["input_ids"][0]])
        first.append(states[1][0][own])
        last.append(seen.pop()[0][own])
    # bfloat16 keeps 8 bits: the shards are right to within 2^-8 of each value
    for name, expected in (("block-0", torch.cat(first)), ("block-1", torch.cat(last))):
        torch.testing.assert_close(store.vectors(name), expected, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_after_the_final_norm(architecture, tiny_models, passages, tmp_path):
    config = HarvestConfig(final_norm=True, layers=("last",), dtype="float32")
    store = harvest(str(tiny_models[architecture]), passages[:3], config, tmp_path)
    assert store.layers == ["block-1-normed"]
    tokenizer, model = hf.AutoTokenizer.from_pretrained(tiny_models[architecture]), load(tiny_models[architecture])
    encoded = tokenizer(passages[0].text, return_tensors="pt")
    own = encoded["input_ids"][0] != (tokenizer.bos_token_id if tokenizer.bos_token_id is not None else -1)
    with torch.inference_mode():
        expected = model(**encoded).last_hidden_state[0][own]
    torch.testing.assert_close(store.vectors()[: len(expected)], expected, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_stops_after_the_deepest_wanted_block(architecture, tiny_models):
    model, tokenizer = load(tiny_models[architecture]), hf.AutoTokenizer.from_pretrained(tiny_models[architecture])
    blocks = find_blocks(model, tokenizer, blocks=2, source="tiny")
    ran = []
    for number, block in enumerate(blocks):
        block.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
    ids = torch.tensor([[5, 6, 7, 8]])
    with BlockReader(model, blocks, [WantedLayer("block-0", 0, False)]) as reader:
        states = reader.read(ids, torch.ones_like(ids))
    assert ran == [0]
    assert states["block-0"].shape == (1, 4, 32)
    with torch.inference_mode():
        model(input_ids=ids)
    assert ran == [0, 0, 1]  # leaving the reader took its hooks off


def names(layers, blocks=30, final_norm=False):
    config = HarvestConfig(layers=layers, final_norm=final_norm)
    return [layer.name for layer in wanted_layers(config, blocks, "m")]


def test_which_blocks_are_meant():
    assert names("last") == ["block-29"]
    assert names((0, -1, -30, 12)) == ["block-0", "block-29", "block-12"]  # each once, in the order asked for
    # 2/3 of 30 blocks are passed after 20 of them: block 19; the smallest depth is the first block
    assert names((2 / 3, 1.0, 0.001)) == ["block-19", "block-29", "block-0"]
    assert names((3, "last"), final_norm=True) == ["block-3", "block-29-normed"]


@pytest.mark.parametrize("layer", [30, -31])
def test_no_such_block(layer):
    with pytest.raises(LayerError) as caught:
        names((layer,))
    assert str(caught.value) == f"m has 30 blocks, 0 to 29 (or -30 to -1); there is no block {layer}"
    assert isinstance(caught.value, IndexError)


def test_final_norm_needs_the_last_block():
    with pytest.raises(LayerError, match='is not among layers; add "last" to layers, or leave final_norm out'):
        names((3,), final_norm=True)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "at least one layer"),
        ((0.0,), r"lies in \(0, 1\]"),
        ((1.5,), r"lies in \(0, 1\]"),
        (("first",), "last"),
    ],
)
def test_settings_that_do_not_fit(layers, message):
    with pytest.raises(ValueError, match=message):
        HarvestConfig(layers=layers)


def test_settings_survive_json():
    config = HarvestConfig(layers=(1, 1.0, "last"), position=-2)
    again = HarvestConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert [type(layer) for layer in again.layers] == [int, float, str]
    assert HarvestConfig(layers=0.5).layers == (0.5,)


class Strange(nn.Module):
    """Says it has hidden states, but reports twice what its blocks give."""

    def __init__(self, factor, listed=2):
        super().__init__()
        self.embedding = nn.Embedding(600, 4)
        self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(listed))
        self.factor = factor

    def forward(self, input_ids, attention_mask, output_hidden_states=False):
        states = [self.embedding(input_ids)]
        for block in self.blocks:
            states.append(block(states[-1]))
        states = [state * self.factor for state in states]
        return hf.modeling_outputs.BaseModelOutput(last_hidden_state=states[-1], hidden_states=tuple(states))


def test_self_check_refuses_a_model_that_does_not_add_up(tiny_models):
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gpt2"])
    honest = Strange(1.0)
    assert find_blocks(honest, tokenizer, blocks=2, source="strange") is honest.blocks
    with pytest.raises(ModelError, match=r"strange: the hook on its blocks does not see .* \(block 0 differs\)"):
        find_blocks(Strange(2.0), tokenizer, blocks=2, source="strange")
    with pytest.raises(ModelError, match="strange: no list of its 2 blocks was found"):
        find_blocks(Strange(1.0, listed=3), tokenizer, blocks=2, source="strange")


def test_layers_of_one_forward_equal_layers_alone(tiny_models, passages, tmp_path):
    source = str(tiny_models["qwen2"])
    both = harvest(source, passages[:6], HarvestConfig(layers=(1, 0)), tmp_path / "both")
    assert both.layers == ["block-1", "block-0"]
    for layer in (0, 1):
        alone = harvest(source, passages[:6], HarvestConfig(layers=layer), tmp_path / str(layer))
        assert torch.equal(alone.vectors(), both.vectors(f"block-{layer}"))
    with pytest.raises(LayerError, match=r"has no layer 'block-7'; it has block-1, block-0"):
        both.vectors("block-7")
    assert np.array_equal(both.row_passages("block-0"), both.row_passages())
