"""A neutral embedder: each passage as a small sentence-embedding model sees it, which is none of the subject models.

The default is all-MiniLM-L6-v2 (Reimers & Gurevych 2019, arXiv:1908.10084; Wang et al. 2020, arXiv:2002.10957): the
mean of the last block's hidden states over the tokens, special ones too, 256 at most, normalised to length 1.

Any other model that can be loaded will do, a causal language model too: the states after its final norm. Those of its
inner blocks are no better as they are, since their first token is a sink that drowns the mean (docs/labels.md).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from samedream import progress
from samedream.activations.batching import batches, pad
from samedream.activations.config import HarvestConfig
from samedream.activations.loading import LoadedModel, load
from samedream.activations.sources import resolve

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was made for; a longer passage is cut there
_BATCH_TOKENS = 4096  # padding included
_READING = HarvestConfig(dtype="float32")  # bfloat16 moves a cosine by up to .007


def embed(texts: Sequence[str], source: str) -> NDArray[np.float32]:
    """Embed texts.

    Args:
        texts: The texts; one without a token gets a vector of zeros.
        source: The embedder: hub id, directory or wheel:NAME of an encoder made for mean pooling, or of any model.

    Returns:
        float32 ``[texts, width]``, of length 1: a dot product is a cosine.

    Raises:
        ModelNotFoundError: The embedder is not here.
        ModelError: It cannot be loaded.
    """
    embedder = load(resolve(source, _READING), _READING)
    ids = _token_ids(texts, embedder)
    found = np.zeros((len(texts), embedder.model.config.hidden_size), np.float32)
    with progress.step("embedding the passages", len(texts), "passages") as shown, torch.inference_mode():
        for batch in batches([len(item) for item in ids], _BATCH_TOKENS):
            found[batch] = _pooled(embedder, [ids[i] for i in batch])
            shown.advance(len(batch))
    return found


def _token_ids(texts: Sequence[str], embedder: LoadedModel) -> list[list[int]]:
    limit = min(MAX_TOKENS, embedder.context_tokens or MAX_TOKENS)
    if not texts:
        return []
    ids: list[list[int]] = embedder.tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]
    return ids


def _pooled(embedder: LoadedModel, ids: list[list[int]]) -> NDArray[np.float32]:
    """The mean hidden state over each text's own tokens, of length 1, float32 ``[texts, width]``."""
    tokens, mask = (part.to(embedder.model.device) for part in pad(ids, embedder.tokenizer.pad_token_id or 0))
    states = embedder.model(input_ids=tokens, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).to(states.dtype)
    mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
    unit: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).float().cpu().numpy()
    return unit
