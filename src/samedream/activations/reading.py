"""Reading one shard's passages with a loaded model: rows in the order of the corpus, whatever the batches were."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samedream.activations.batching import batches, pad
from samedream.activations.config import HarvestConfig
from samedream.activations.hooks import BlockReader
from samedream.activations.loading import LoadedModel
from samedream.activations.shards import norm_key
from samedream.activations.spans import TokenizedPassage, tokenize
from samedream.errors import ModelError
from samedream.records import Passage

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}  # a CPU is as fast with fewer; a GPU needs more to do
LEFT_OUT = ("too long", "too short", "no text")


class _Plan(NamedTuple):
    """Which tokens of a passage become rows (`places`, with spans), and how many rows they make."""

    tokens: TokenizedPassage
    places: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    rows: int
    left_out: str


def _plan(tokens: TokenizedPassage, config: HarvestConfig, own_limit: int | None) -> _Plan:
    places, start, end = tokens.kept, tokens.start, tokens.end
    limit = min(config.context_tokens, own_limit or config.context_tokens)
    left_out = "too long" if len(tokens.ids) > limit else "" if len(places) else "no text"
    if left_out:
        return _Plan(tokens, places[:0], start[:0], end[:0], 0, left_out)
    if config.position == "tokens":
        return _Plan(tokens, places, start, end, len(places), "")
    if config.position == "mean":
        return _Plan(tokens, places, start[:1], end[-1:], 1, "")
    index = -1 if config.position == "last" else config.position
    if not -len(places) <= index < len(places):
        return _Plan(tokens, places[:0], start[:0], end[:0], 0, "too short")
    one = slice(index, index + 1 or None)
    return _Plan(tokens, places[one], start[one], end[one], 1, "")


def mean_without_sinks(vectors: Tensor, ratio: float) -> tuple[Tensor, int]:
    """Mean over a passage's tokens; those with a norm above `ratio` times the passage's median are left out.

    Args:
        vectors: Hidden states, float32 [tokens, d].
        ratio: As `sink_ratio` of the settings.

    Returns:
        The mean, [1, d], and how many tokens were left out.
    """
    norms = vectors.norm(dim=1)
    keep = norms <= ratio * norms.median()
    return vectors[keep].mean(0, keepdim=True), int((~keep).sum())


def _index(plans: Sequence[_Plan]) -> tuple[Tensor, Tensor]:
    """Row and column, in a batch of these passages, of every wanted token."""
    rows = np.repeat(np.arange(len(plans)), [len(plan.places) for plan in plans])
    return torch.from_numpy(rows), torch.from_numpy(np.concatenate([plan.places for plan in plans]))


class _Rows:
    """The rows of a shard, filled batch by batch at the places their passages have."""

    def __init__(self, plans: Sequence[_Plan], d_model: int, names: Sequence[str]) -> None:
        self.plans, self.d_model, self.names = plans, d_model, names
        self.first = np.concatenate([[0], np.cumsum([plan.rows for plan in plans])]).astype(np.int64)
        self.vectors: dict[str, Tensor] = {}
        self.norms = {name: torch.empty(int(self.first[-1])) for name in names}

    def put(self, name: str, items: Sequence[int], vectors: Tensor) -> None:
        """Store the rows of passages `items`, float32 [rows, d] on the CPU, one passage after the other."""
        if name not in self.vectors:
            self.vectors[name] = torch.empty(int(self.first[-1]), vectors.shape[1], dtype=torch.bfloat16)
        place = torch.from_numpy(np.concatenate([np.arange(self.first[i], self.first[i + 1]) for i in items]))
        self.norms[name][place] = vectors.norm(dim=1)
        self.vectors[name][place] = vectors.bfloat16()

    def tensors(self, first_passage: int) -> dict[str, Tensor]:
        """Everything a shard holds."""
        passage = np.repeat(np.arange(len(self.plans), dtype=np.int64) + first_passage, [p.rows for p in self.plans])
        found = {"passage": torch.from_numpy(passage)}
        for edge in ("start", "end"):
            parts = [getattr(plan, edge) for plan in self.plans]
            found[edge] = torch.from_numpy(np.concatenate(parts).astype(np.int32))
        for name in self.names:
            found[name] = self.vectors.get(name, torch.empty(0, self.d_model, dtype=torch.bfloat16))
            found[norm_key(name)] = self.norms[name]
        return found


def _padding(loaded: LoadedModel) -> int:
    found = loaded.tokenizer.pad_token_id
    return 0 if found is None else int(found)


def _means(vectors: Tensor, plans: Sequence[_Plan], ratio: float) -> tuple[Tensor, int]:
    """One mean per passage, [passages, d], and how many sink tokens were left out of all."""
    parts = torch.split(vectors, [len(plan.places) for plan in plans])
    pooled = [mean_without_sinks(part, ratio) for part in parts]
    return torch.cat([mean for mean, _ in pooled]), sum(left_out for _, left_out in pooled)


def read_shard(
    loaded: LoadedModel,
    reader: BlockReader,
    passages: Sequence[Passage],
    *,
    config: HarvestConfig,
    first_passage: int,
    advance: Callable[[float], None],
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Read passages with a model.

    Args:
        loaded: The model.
        reader: Its hooks.
        passages: The shard's passages.
        config: Settings.
        first_passage: Place of the first one in the corpus.
        advance: Told how many were read.

    Returns:
        The shard's tensors (see `shards`), and its counts.

    Raises:
        ModelError: A hidden state is not finite.
    """
    tokenized = tokenize(loaded.tokenizer, [passage.text for passage in passages])
    plans = [_plan(tokens, config, loaded.context_tokens) for tokens in tokenized]
    rows = _Rows(plans, loaded.model.config.get_text_config().hidden_size, [layer.name for layer in reader.layers])
    device, in_means = next(loaded.model.parameters()).device, 0
    budget = config.batch_tokens or _BATCH_TOKENS.get(device.type, _BATCH_TOKENS["cpu"])
    for items in batches([len(plan.tokens.ids) if plan.rows else 0 for plan in plans], budget):
        chosen = [plans[i] for i in items]
        ids, mask = pad([plan.tokens.ids for plan in chosen], _padding(loaded))
        states = reader.read(ids.to(device), mask.to(device))
        where = _index(chosen)
        for name, state in states.items():
            vectors = state[where[0].to(device), where[1].to(device)].float().cpu()
            if not bool(torch.isfinite(vectors).all()):
                raise ModelError(
                    f"{loaded.source}: hidden states of {name} are not finite (first passage of the "
                    f'batch: {passages[items[0]].passage_id}); set dtype = "float32" if it is not'
                )
            if config.position == "mean":
                vectors, left_out = _means(vectors, chosen, config.sink_ratio)
                in_means += left_out
            rows.put(name, items, vectors)
        advance(len(items))
    advance(sum(not plan.rows for plan in plans))
    return rows.tensors(first_passage), _counts(passages, plans, in_means)


def _counts(passages: Sequence[Passage], plans: Sequence[_Plan], in_means: int) -> dict[str, object]:
    read = [plan for plan in plans if plan.rows]
    counts = Counter(
        passages=len(plans),
        rows=sum(plan.rows for plan in plans),
        tokens=sum(len(plan.tokens.ids) for plan in read),
        special_tokens=sum(len(plan.tokens.ids) - len(plan.tokens.kept) for plan in read),
        sinks_left_out_of_means=in_means,
    )
    left_out = {
        why: [p.passage_id for p, plan in zip(passages, plans, strict=True) if plan.left_out == why] for why in LEFT_OUT
    }
    return {**counts, "left_out": left_out}
