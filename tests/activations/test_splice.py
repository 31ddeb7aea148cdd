"""Replacing a layer's hidden state: exact where nothing changes, and a slow run with a plain hook where it does."""

import math

import numpy as np
import pytest
import torch
import transformers as hf

from samedream.activations.config import HarvestConfig
from samedream.activations.loading import NoNextToken
from samedream.activations.splice import compare_logits, open_subject, spliced_losses

ARCHITECTURES = ("llama", "gemma3", "gpt2", "opt", "qwen2")
FIELDS = ("ce_clean", "ce_replaced", "ce_ablated", "kl_replaced", "kl_ablated")


def losses(directory, texts, *, layer="block-1", replace=lambda rows: rows, **more):
    config = HarvestConfig(layers=(0, "last"), final_norm=layer.endswith("normed"), dtype="float32")
    subject = open_subject(str(directory), config, layer)
    return spliced_losses(
        subject, texts, **{"replace": replace, "mean": torch.zeros(32), "sink_threshold": math.inf} | more
    )


def test_cross_entropy_and_kl_by_hand():
    # p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2): CE of token 0 is ln 2 and ln 4; of token 2 ln 4 and ln 2
    # KL(p || q) = 1/2 ln 2 + 0 - 1/4 ln 2 = 1/4 ln 2 at both positions; a shift of all logits changes nothing
    p, q = torch.tensor([0.5, 0.25, 0.25]).log(), torch.tensor([0.25, 0.25, 0.5]).log() + 7
    found = compare_logits(torch.stack([p, p]), torch.stack([q, q]), torch.tensor([0, 2]))
    assert found == pytest.approx((3 * math.log(2), 3 * math.log(2), 0.5 * math.log(2)), rel=1e-6)


def test_a_shift_of_all_logits_is_no_kl():
    # rounding of the normalisers alone would give 1e-6 over these positions
    logits = 5 * torch.randn(64, 4096, generator=torch.Generator().manual_seed(0))
    kl = compare_logits(logits, logits + 40, torch.zeros(64, dtype=torch.int64))[2]
    assert kl == pytest.approx(0.0, abs=2e-7)


def test_long_passages_are_summed_in_chunks():
    generator = torch.Generator().manual_seed(0)
    p, q = torch.randn(150, 9, generator=generator), torch.randn(150, 9, generator=generator)
    token = torch.randint(9, (150,), generator=generator)
    log_p, log_q = p.double().log_softmax(1), q.double().log_softmax(1)
    assert compare_logits(p, q, token) == pytest.approx(
        (
            float(torch.nn.functional.nll_loss(log_p, token, reduction="sum")),
            float(torch.nn.functional.nll_loss(log_q, token, reduction="sum")),
            float(torch.nn.functional.kl_div(log_q, log_p, reduction="sum", log_target=True)),
        ),
        rel=1e-5,
    )


@pytest.mark.parametrize("layer", ["block-0", "block-1", "block-1-normed"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_identity_gives_exactly_the_clean_loss(architecture, layer, tiny_models, passages):
    texts = [passage.text for passage in passages[:7]]
    found = losses(tiny_models[architecture], texts, layer=layer)
    assert np.array_equal(found.ce_replaced, found.ce_clean)
    assert np.array_equal(found.kl_replaced, np.zeros(7))
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models[architecture])
    model = hf.AutoModelForCausalLM.from_pretrained(tiny_models[architecture]).eval()
    for row, text in enumerate(texts):  # each alone, by transformers' own loss: a mean over the predicted tokens
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            mean = float(model(input_ids=ids, labels=ids).loss)
        assert (found.tokens[row], found.predicted[row]) == (ids.shape[1], ids.shape[1] - 1)
        assert found.ce_clean[row] == pytest.approx(mean * (ids.shape[1] - 1), rel=1e-5)


@pytest.mark.parametrize("layer", ["block-0", "block-1", "block-1-normed"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_replaced_rows_equal_a_whole_run_with_a_plain_hook(architecture, layer, tiny_models, passages):
    """One passage at a time, every block run, a hook that changes the output: the same losses."""
    texts, shift = [passage.text for passage in passages[:4]], torch.linspace(-1, 1, 32)
    found = losses(tiny_models[architecture], texts, layer=layer, replace=lambda rows: rows * 0.5 + shift, mean=shift)
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models[architecture])
    model = hf.AutoModelForCausalLM.from_pretrained(tiny_models[architecture]).eval()
    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == 2]
    last = getattr(model.base_model, "decoder", model.base_model)
    where = last if layer.endswith("normed") else lists[0][int(layer[6])]
    for row, text in enumerate(texts):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        own = ids[0] != (-1 if tokenizer.bos_token_id is None else tokenizer.bos_token_id)
        for name, change in (("replaced", lambda state: state * 0.5 + shift), ("ablated", lambda state: shift)):

            def put(module, arguments, output, own=own, change=change):
                state = output.last_hidden_state if hasattr(output, "last_hidden_state") else output
                state = state[0] if isinstance(state, tuple) else state
                state[0, own] = change(state[0, own])

            with torch.inference_mode():
                clean = model(input_ids=ids).logits[0].log_softmax(-1)[:-1]
                handle = where.register_forward_hook(put)
                spliced = model(input_ids=ids).logits[0].log_softmax(-1)[:-1]
                handle.remove()
            expected = float(torch.nn.functional.nll_loss(spliced, ids[0, 1:], reduction="sum"))
            kl = float((clean.exp() * (clean - spliced)).sum())
            assert getattr(found, f"ce_{name}")[row] == pytest.approx(expected, rel=1e-4)
            assert getattr(found, f"kl_{name}")[row] == pytest.approx(kl, rel=1e-3)
            assert kl > 0.01


def test_special_tokens_and_sinks_stay_as_they_are(tiny_models, passages):
    texts = [passage.text for passage in passages[:5]]
    every = losses(tiny_models["llama"], texts)
    assert np.array_equal(every.replaced, every.tokens - 1)  # all but <bos>
    seen = []

    def watch(rows):
        seen.append(rows)
        return rows + 100

    losses(tiny_models["llama"], texts, replace=watch)
    norms = torch.cat(seen).norm(dim=1)
    border = float(norms.median())
    some = losses(tiny_models["llama"], texts, replace=watch, sink_threshold=border)
    assert some.replaced.sum() == int((norms <= border).sum()) == (len(norms) + 1) // 2
    none = losses(tiny_models["llama"], texts, replace=watch, sink_threshold=0.0)
    assert none.replaced.sum() == 0
    assert np.array_equal(none.ce_replaced, none.ce_clean)
    assert np.array_equal(none.ce_ablated, none.ce_clean)


def test_batches_do_not_change_the_losses(tiny_models, passages):
    texts = [passage.text for passage in passages[:9]]
    together = losses(tiny_models["gemma3"], texts, replace=lambda rows: rows * 0.9)
    for row, text in enumerate(texts):
        alone = losses(tiny_models["gemma3"], [text], replace=lambda rows: rows * 0.9)
        for field in FIELDS:
            assert getattr(together, field)[row] == pytest.approx(getattr(alone, field)[0], rel=1e-4, abs=1e-6)


def test_the_model_is_left_as_it_was(tiny_models, passages):
    subject = open_subject(str(tiny_models["gpt2"]), HarvestConfig(dtype="float32"), "block-1")
    model, ids = subject.loaded.model, torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        before = model(input_ids=ids).logits
    call = {"mean": torch.zeros(32), "sink_threshold": math.inf}
    spliced_losses(subject, [passages[0].text], replace=lambda rows: rows * 0, **call)
    with pytest.raises(ZeroDivisionError):
        spliced_losses(subject, [passages[0].text], replace=lambda rows: 1 // 0, **call)
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, before)


def test_progress_counts_every_passage_and_one_token_predicts_nothing(tiny_models, passages):
    done = []
    texts = ["Moon", *(passage.text for passage in passages[:12])]
    found = losses(tiny_models["gpt2"], texts, advance=done.append)
    assert sum(done) == 13
    assert len(done) > 1
    one = losses(tiny_models["gpt2"], ["a"])
    assert (one.tokens[0], one.predicted[0], one.ce_clean[0]) == (1, 0, 0.0)
    assert found.predicted.sum() == found.tokens.sum() - 13


def reason(source, config=HarvestConfig(), layer="block-1"):  # noqa: B008 frozen
    with pytest.raises(NoNextToken) as caught:
        open_subject(str(source), config, layer)
    return str(caught.value)


def test_what_predicts_no_next_token_says_why(tiny_models, tmp_path):
    assert reason(f"random:{tiny_models['llama']}") == "a random twin was never trained to predict tokens"
    assert (
        reason(tiny_models["llama"], HarvestConfig(position="mean"))
        == 'position = "mean": the rows are not the hidden states of tokens'
    )
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models["gpt2"])
    shape = {"vocab_size": len(tokenizer), "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    encoder = hf.BertModel(hf.BertConfig(**shape, intermediate_size=8))
    encoder.save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    assert reason(tmp_path / "bert") == "bert models do not predict the next token"


def test_a_model_saved_without_its_head_says_so(tiny_models, tmp_path):
    model = hf.AutoModelForCausalLM.from_pretrained(tiny_models["qwen2"])
    model.config.tie_word_embeddings = False
    model.base_model.save_pretrained(tmp_path)
    hf.AutoTokenizer.from_pretrained(tiny_models["qwen2"]).save_pretrained(tmp_path)
    assert reason(tmp_path) == "its weights hold no output head (lm_head.weight)"


def test_a_model_that_sees_what_comes_after_says_so(tiny_models, tmp_path, monkeypatch):
    monkeypatch.setattr("samedream.activations.splice._looks_back_only", lambda base: False)
    assert reason(tiny_models["llama"]) == "its tokens see the ones after them"


def test_whether_a_model_looks_back_only(tiny_models):
    from samedream.activations.splice import _looks_back_only

    config = hf.BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    config.intermediate_size = 8
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = hf.BertModel(config).eval()
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.randn_like(parameter))
    assert not _looks_back_only(encoder)
    for architecture in ARCHITECTURES:
        assert _looks_back_only(hf.AutoModel.from_pretrained(tiny_models[architecture]).eval())
