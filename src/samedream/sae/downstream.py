"""A dictionary in the model's own terms: what the next-token loss becomes when its reconstructions replace the states.

    CE recovered = (CE_ablated - CE_reconstructed) / (CE_ablated - CE_clean)
    KL recovered = 1 - KL(clean || reconstructed) / KL(clean || ablated)

These are `ce_loss_score` and `kl_div_score` of SAELens' evals; CE recovered is the "loss recovered" of Rajamanoharan et
al. 2024 (arXiv:2404.16014), whose later paper (arXiv:2407.14435) reports the difference CE_reconstructed - CE_clean.
Gao et al. 2024 (arXiv:2406.04093) report the loss with the reconstruction in place. SAELens ablates with zeros. Here
the mean of the rows trained on stands in, which says nothing of the text but keeps the scale the model expects.

Rows that a harvest leaves out (special tokens, attention sinks) stay as they are in all three runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from samedream import progress
from samedream.activations.config import HarvestConfig
from samedream.activations.loading import NoNextToken
from samedream.activations.splice import SplicedLosses, Subject, open_subject, spliced_losses
from samedream.activations.store import ActivationStore
from samedream.corpus.store import load_passages
from samedream.errors import ModelNotFoundError, StaleArtifactError
from samedream.records import Interval, Passage
from samedream.sae.advice import Metric, judge
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.split import split_rows

_DRAWS = 2000
_CONFIDENCE = 0.95
_MEAN_ROWS = 200_000  # rows that the mean is taken of, at most
_SUMS = ("ce_clean", "ce_replaced", "ce_ablated", "kl_replaced", "kl_ablated")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Downstream:
    """Loss figures of one dictionary.

    Attributes:
        metrics: The figures, as those of `health`; none where `left_out` says why.
        passages: Held-out passages run.
        articles: Articles they are from.
        predicted_tokens: Next tokens predicted.
        replaced_share: Share of all tokens whose hidden state was replaced; the others are special tokens and sinks.
        left_out: Why nothing was measured; empty when it was.
    """

    metrics: list[Metric]
    passages: int = 0
    articles: int = 0
    predicted_tokens: int = 0
    replaced_share: float = 0.0
    left_out: str = ""

    def record(self) -> dict[str, Any]:
        """What `health.json` says beside the figures."""
        if self.left_out:
            return {"left_out": self.left_out}
        return {
            "passages": self.passages,
            "articles": self.articles,
            "predicted_tokens": self.predicted_tokens,
            "replaced_share": self.replaced_share,
        }


def with_downstream(
    record: Mapping[str, Any], sae: SparseAutoencoder, store: ActivationStore, *, config: SAEConfig, corpus: Path | None
) -> dict[str, Any]:
    """What `health.json` holds, the loss figures put to it.

    Args:
        record: The dictionary's health so far.
        sae: The dictionary.
        store: The harvest it is for.
        config: Names the layer and how many passages to run; 0 measures nothing.
        corpus: The corpus stage's directory; None measures nothing (repeats, random twins).

    Raises:
        MissingArtifactError: The corpus has not been made.
        ModelError: The model cannot be had, loaded or read.
        StaleArtifactError: The harvest was not read from this corpus.
    """
    if corpus is None or not config.downstream_passages:
        return dict(record)
    found = measure_downstream(sae, store, load_passages(corpus), layer=config.layer, most=config.downstream_passages)
    metrics = [*record["metrics"], *msgspec.to_builtins(found.metrics)]
    return {**record, "metrics": metrics, "downstream": found.record()}


def measure_downstream(
    sae: SparseAutoencoder, store: ActivationStore, passages: Sequence[Passage], *, layer: str | None, most: int
) -> Downstream:
    """Run the model on held-out passages with the dictionary's reconstructions in place of its hidden states.

    Args:
        sae: The dictionary.
        store: The harvest it was trained on; names the model and how it was read.
        passages: The corpus of that harvest, in its order.
        layer: The harvested layer; the first by default.
        most: How many held-out passages to run: the first ones of the corpus.

    Raises:
        ModelError: The model cannot be had, loaded or read.
        StaleArtifactError: The passages are not those of the harvest.
    """
    if [passage.passage_id for passage in passages] != store.passage_ids:
        raise StaleArtifactError(
            f"{store.directory} was read from {len(store.passage_ids)} passages, the corpus now holds {len(passages)} "
            f"or others in another order; delete {store.directory} and rerun the activations stage"
        )
    name = store.layer_name(layer)
    held_out = held_out_passages(store, name)
    chosen = [passages[number] for number in held_out[:most]]
    with progress.step("measuring the loss in the model's own terms", len(chosen), "passages") as bar:
        try:
            subject = _subject(store, name)
        except NoNextToken as reason:
            return Downstream([], left_out=str(reason))
        losses = spliced_losses(
            subject,
            [passage.text for passage in chosen],
            replace=lambda rows: sae.decode(sae.encode(rows)),
            mean=training_mean(store, name, held_out),
            sink_threshold=store.layer_counts[name].sink_threshold,
            advance=bar.advance,
        )
    articles = [passage.article_id for passage in chosen]
    return Downstream(
        judge(figures(losses, articles)),
        passages=len(chosen),
        articles=len(set(articles)),
        predicted_tokens=int(losses.predicted.sum()),
        replaced_share=float(losses.replaced.sum() / losses.tokens.sum()),
    )


def _subject(store: ActivationStore, layer: str) -> Subject:
    """The model a harvest was read from, as it was read."""
    settings = dict(store.manifest.config)
    source = str(settings.pop("source"))
    try:
        return open_subject(source, HarvestConfig.model_validate(settings), layer)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"{error}; or go without the loss in the model's own terms: sae.downstream_passages = 0"
        ) from error


def held_out_passages(store: ActivationStore, layer: str) -> npt.NDArray[np.int64]:
    """Passages of the articles that training holds out and that have rows, ascending, int64."""
    read = np.unique(store.row_passages(layer))
    return read[split_rows(read, store.article_ids, "all").held_out]


def training_mean(store: ActivationStore, layer: str, held_out: npt.NDArray[np.int64]) -> torch.Tensor:
    """Mean of the first 200,000 rows (or somewhat more: whole shards) that are not held out, float32 [d]."""
    total, count = torch.zeros(store.layer_counts[layer].d_model, dtype=torch.float64), 0
    for shard in store.shards(layer):
        rows = shard.vectors[torch.from_numpy(~np.isin(shard.passage, held_out))]
        total += rows.double().sum(0)
        count += len(rows)
        if count >= _MEAN_ROWS:
            break
    return (total / max(count, 1)).float()


def figures(losses: SplicedLosses, articles: Sequence[str]) -> dict[str, float | Interval]:
    """The loss figures, per predicted token, with 95 % intervals: percentile bootstrap over articles.

    Args:
        losses: Sums over each passage.
        articles: The article of each passage.

    Returns:
        Key → figure. A ratio is left out where nothing is lost without the layer; its interval where some resample
        of the articles loses nothing.
    """
    names, place = np.unique(np.asarray(articles, np.str_), return_inverse=True)
    sums = np.zeros((len(names), 1 + len(_SUMS)))
    columns = [losses.predicted.astype(np.float64), *(getattr(losses, key) for key in _SUMS)]
    np.add.at(sums, place, np.stack(columns, axis=1))
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    whole, draws = _ratios(sums.sum(0)[None]), _ratios(weights @ sums)
    return {key: _interval(float(whole[key][0]), draws[key]) for key in whole if np.isfinite(whole[key][0])}


def _ratios(sums: Floats) -> Mapping[str, Floats]:
    """Figures of each row of sums [n, 6]; NaN where a denominator is not above 0."""
    per_token = sums[:, 1:] / np.maximum(sums[:, :1], 1)
    clean, replaced, ablated, kl, kl_ablated = per_token.T
    gap = np.where(ablated > clean, ablated - clean, np.nan)
    return {
        "ce_clean": clean,
        "ce_reconstructed": replaced,
        "ce_ablated": ablated,
        "ce_recovered": (ablated - replaced) / gap,
        "kl_reconstructed": kl,
        "kl_recovered": 1 - kl / np.where(kl_ablated > 0, kl_ablated, np.nan),
    }


def _interval(value: float, draws: Floats) -> float | Interval:
    if not np.isfinite(draws).all():
        return value
    low, high = np.quantile(draws, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Interval(value, float(low), float(high), _CONFIDENCE)
