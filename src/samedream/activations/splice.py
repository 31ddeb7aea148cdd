"""What a model loses when its hidden state at one layer is replaced: next-token cross-entropy and KL, in nats.

Each passage runs three times: clean; with the rows that a harvest keeps (`HarvestConfig`: no special tokens, no
attention sinks) replaced by what `replace` makes of them; with the same rows replaced by one mean (ablation). All other
positions stay as they are. The place is where `BlockReader` reads: after the block, before any final norm; or after the
final norm where the layer was harvested there.

CE = -log q(next token); KL(clean || spliced) = sum_v p(v) (log p(v) - log q(v)); p is the clean model's distribution, q
the spliced one's. Both are sums over every token of a passage but its first, which nothing predicts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samedream.activations.batching import batches, pad
from samedream.activations.config import HarvestConfig
from samedream.activations.hooks import Splicer, find_blocks, wanted_layers
from samedream.activations.loading import LoadedModel, NoNextToken, block_count, load, read_config
from samedream.activations.sources import RANDOM_PREFIX, resolve
from samedream.activations.spans import TokenizedPassage, tokenize

_BATCH_TOKENS = 256  # a batch's logits over 262,144 tokens are 270 MB
_CHUNK = 64  # positions whose probabilities are held at once

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """A causal model with its head and its tokenizer, and the layer to replace."""

    loaded: LoadedModel
    splicer: Splicer


@dataclass(frozen=True)
class SplicedLosses:
    """Sums over each passage's predicted tokens, in nats.

    Attributes:
        predicted: How many tokens are predicted, int64 [passages].
        replaced: How many tokens' hidden states were replaced, int64 [passages].
        tokens: How many tokens there are, special ones too, int64 [passages].
        ce_clean: Cross-entropy of the model as it is, float64 [passages].
        ce_replaced: With the rows replaced, float64 [passages].
        ce_ablated: With the mean in their place, float64 [passages].
        kl_replaced: KL(clean || replaced), float64 [passages].
        kl_ablated: KL(clean || ablated), float64 [passages].
    """

    predicted: npt.NDArray[np.int64]
    replaced: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    ce_clean: Floats
    ce_replaced: Floats
    ce_ablated: Floats
    kl_replaced: Floats
    kl_ablated: Floats


def open_subject(source: str, config: HarvestConfig, layer: str) -> Subject:
    """Load a model with its head, to replace its hidden state at a layer.

    Args:
        source: The model source.
        config: The settings its hidden states were harvested with.
        layer: The layer's name in the harvest ("block-17").

    Raises:
        NoNextToken: The model predicts no next token, or the harvest did not keep a row per token.
        ModelError: It cannot be had, loaded or read.
    """
    if source.startswith(RANDOM_PREFIX):
        raise NoNextToken("a random twin was never trained to predict tokens")
    if config.position != "tokens":
        raise NoNextToken(f'position = "{config.position}": the rows are not the hidden states of tokens')
    files = resolve(source, config)
    count = block_count(files, read_config(files, config))
    wanted = next(found for found in wanted_layers(config, count, source) if found.name == layer)
    loaded = load(files, config, head=True)
    base = loaded.model.base_model
    blocks = find_blocks(base, loaded.tokenizer, blocks=count, source=source)
    if not _looks_back_only(base):
        raise NoNextToken("its tokens see the ones after them")
    return Subject(loaded, Splicer(blocks, wanted, head=loaded.model.get_output_embeddings()))


def _looks_back_only(base: Any) -> bool:
    """Whether another last token leaves the states before it as they are."""
    ids = torch.tensor([[3, 4, 5, 6], [3, 4, 5, 7]], device=next(base.parameters()).device)
    with torch.inference_mode():
        states = base(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, :-1].float()
    return torch.allclose(states[0], states[1], rtol=1e-3, atol=1e-3 * float(states.abs().max()))


def spliced_losses(
    subject: Subject,
    texts: Sequence[str],
    *,
    replace: Callable[[Tensor], Tensor],
    mean: Tensor,
    sink_threshold: float,
    advance: Callable[[int], None] = lambda passages: None,
) -> SplicedLosses:
    """Run passages clean, with a layer's rows replaced, and with the mean in their place.

    Args:
        subject: The model and the layer.
        texts: The passages.
        replace: Raw hidden states → what stands in for them, float32 [rows, d] on the CPU both ways.
        mean: What ablation puts in every row's place, float32 [d].
        sink_threshold: Rows with a norm above this stay as they are.
        advance: Told how many passages are done.
    """
    tokenized = tokenize(subject.loaded.tokenizer, texts)
    lengths = [len(tokens.ids) for tokens in tokenized]
    sums = {key: np.zeros(len(texts)) for key in ("ce_clean", "ce_replaced", "ce_ablated", "kl_replaced", "kl_ablated")}
    replaced = np.zeros(len(texts), np.int64)
    for items in batches(lengths, _BATCH_TOKENS):
        run = _Run(subject, [tokenized[item] for item in items], sink_threshold)
        replaced[items] = run.rows_per_text()
        ablated = mean.expand(len(run.rows), -1)
        for name, rows in (("replaced", replace(run.rows)), ("ablated", ablated)):
            clean, spliced, kl = run.losses(rows)
            sums["ce_clean"][items] = clean
            sums[f"ce_{name}"][items] = spliced
            sums[f"kl_{name}"][items] = kl
        advance(len(items))
    tokens = np.array(lengths, np.int64)
    return SplicedLosses(predicted=np.maximum(tokens - 1, 0), replaced=replaced, tokens=tokens, **sums)


class _Run:
    """One batch: the clean run's logits and hidden state, and runs with other rows in it."""

    def __init__(self, subject: Subject, texts: Sequence[TokenizedPassage], sink_threshold: float) -> None:
        self.subject, self.lengths = subject, [len(text.ids) for text in texts]
        padding = subject.loaded.tokenizer.pad_token_id
        where = next(subject.loaded.model.parameters()).device
        ids, mask = pad([text.ids for text in texts], 0 if padding is None else int(padding))
        self.ids, self.mask = ids.to(where), mask.to(where)
        with torch.inference_mode():
            self.clean, self.state = subject.splicer.read(self._forward)
        text = np.repeat(np.arange(len(texts)), [len(passage.kept) for passage in texts])
        place = np.concatenate([passage.kept for passage in texts])
        rows = self.state[torch.from_numpy(text), torch.from_numpy(place)].float().cpu()
        kept = rows.norm(dim=1) <= sink_threshold
        self.rows, self.text, self.place = rows[kept], torch.from_numpy(text)[kept], torch.from_numpy(place)[kept]

    def rows_per_text(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.text.numpy(), minlength=len(self.lengths))

    def _forward(self) -> Tensor:
        logits: Tensor = self.subject.loaded.model(input_ids=self.ids, attention_mask=self.mask).logits
        return logits

    def losses(self, rows: Tensor) -> tuple[Floats, Floats, Floats]:
        """CE of the clean and the spliced run and KL(clean || spliced), summed over each text: float64 [texts]."""
        state = self.state.clone()
        state[self.text, self.place] = rows.to(device=state.device, dtype=state.dtype)
        with torch.inference_mode():
            spliced = self.subject.splicer.resume(self._forward, state)
        found = [
            compare_logits(self.clean[row, : length - 1], spliced[row, : length - 1], self.ids[row, 1:length])
            for row, length in enumerate(self.lengths)
        ]
        clean, other, kl = np.array(found).T
        return clean, other, kl


def compare_logits(clean: Tensor, spliced: Tensor, following: Tensor) -> tuple[float, float, float]:
    """Cross-entropy of both and KL(clean || spliced), summed over positions, in nats.

    Args:
        clean: Logits of the model as it is, [positions, vocabulary].
        spliced: Logits with the hidden state replaced, [positions, vocabulary].
        following: The token that came next, int64 [positions].
    """
    totals = torch.zeros(3, dtype=torch.float64)
    parts = (torch.split(given, _CHUNK) for given in (clean, spliced, following))
    for p, q, token in zip(*parts, strict=True):
        log_p, log_q = p.float().log_softmax(-1), q.float().log_softmax(-1)
        p, q = log_p.exp(), log_q.exp()
        kl = (p * (log_p - log_q) - p + q).sum(
            -1
        )  # p and q sum to 1: no term is below 0, and normalisers' errors cancel
        each = (-log_p.gather(1, token[:, None])[:, 0], -log_q.gather(1, token[:, None])[:, 0], kl)
        totals += torch.stack([value.double().sum() for value in each]).cpu()
    first, second, third = totals.tolist()
    return first, second, third
