"""Health figures of a dictionary, streamed over rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.advice import Metric, judge
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.split import Vectors

CHUNK_ROWS = 1024
DEAD_ROWS = 200_000  # beyond the held-out rows, a feature is looked for on at most this many
_BINS = 20_000  # of cosines in [-1, 1]: the percentile is right to 1e-4
_BLOCK = 1024


def chunks(rows: npt.NDArray[np.int64]) -> Iterator[torch.Tensor]:
    """Row numbers in pieces that keep [piece, features] small."""
    for start in range(0, len(rows), CHUNK_ROWS):
        yield torch.from_numpy(rows[start : start + CHUNK_ROWS])


def measure_health(
    sae: SparseAutoencoder,
    vectors: Vectors,
    held_out: npt.NDArray[np.int64],
    *,
    others: npt.NDArray[np.int64],
    advance: Callable[[int], None] = lambda rows: None,
) -> list[Metric]:
    """All health figures of a dictionary on its own, with the user's ranges and advice.

    Everything is measured on held-out rows, but for dead features: held-out rows are few, so a rare feature is also
    looked for on (at most 200,000, evenly spaced) other rows before it is called dead.

    Args:
        sae: The dictionary.
        vectors: Raw hidden states.
        held_out: Rows the dictionary was not trained on, int64.
        others: Further rows on which a feature may be found alive, int64.
        advance: Called with the number of rows done.
    """
    seen = _look(sae, vectors, held_out, advance=advance)
    alive = seen.uses > 0
    for part in chunks(others[:: max(1, -(-len(others) // DEAD_ROWS))]):
        alive |= sae.encode(vectors[part]).any(0).numpy()
        advance(len(part))
    l0 = float(seen.active.mean())
    return judge(
        {
            "variance_explained": 1 - seen.error / seen.spread if seen.spread > 0 else 0.0,
            "cosine": seen.cosine,
            "l0": l0,
            "l0_median": float(np.median(seen.active)),
            "l0_p95": float(np.quantile(seen.active, 0.95, method="inverted_cdf")),
            "dead_share": float((~alive).mean()),
            "density": l0 / sae.d_sae,
            "gini": gini(seen.uses),
            **decoder_cosines(sae.W_dec),
        }
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """Held-out rows, looked at once: uses [features], active features of each row, and sums over rows."""

    uses: npt.NDArray[np.int64]
    active: npt.NDArray[np.int64]
    error: float
    spread: float
    cosine: float


def _look(
    sae: SparseAutoencoder,
    vectors: Vectors,
    rows: npt.NDArray[np.int64],
    *,
    advance: Callable[[int], None],
) -> _Look:
    total = torch.zeros(sae.d_in, dtype=torch.float64)
    for part in chunks(rows):
        total += vectors[part].double().sum(0)
    mean = total / len(rows)
    uses, active = np.zeros(sae.d_sae, np.int64), np.zeros(len(rows), np.int64)
    error = spread = cosines = 0.0
    done = 0
    for part in chunks(rows):
        given = vectors[part]
        features = sae.encode(given)
        on = features != 0
        uses += on.sum(0).numpy()
        active[done : done + len(part)] = on.sum(1).numpy()
        row, back = given.double() - mean, sae.decode(features).double() - mean
        error += float((back - row).square().sum())
        spread += float(row.square().sum())
        cosines += float(torch.nn.functional.cosine_similarity(row, back, dim=1).sum())
        done += len(part)
        advance(len(part))
    return _Look(uses, active, error, spread, cosines / len(rows))


def gini(uses: npt.NDArray[np.int64]) -> float:
    """Gini coefficient of non-negative counts: mean absolute difference of two, over twice the mean.

    Args:
        uses: How often each feature fires, int64 [features]; dead features count.

    Returns:
        0 when all are equal, (n - 1) / n when one of n has everything; 0 when all are 0.
    """
    n, total = len(uses), float(uses.sum())
    if total == 0:
        return 0.0
    ranks = np.arange(1, n + 1)
    return float(((2 * ranks - n - 1) * np.sort(uses)).sum() / (n * total))


def decoder_cosines(decoder: torch.Tensor) -> dict[str, float]:
    """Mean, 95th percentile and maximum of the cosine between two features' directions, over all pairs.

    Signed: two features that point in opposite ways are no duplicates. In blocks, so that 32,000 features need no
    32,000 x 32,000 matrix; O(features^2 * d).

    Args:
        decoder: float32 [features, d], no row zero.
    """
    directions = torch.nn.functional.normalize(decoder, dim=1)
    n = len(directions)
    counts = torch.zeros(_BINS, dtype=torch.float64)
    largest = -1.0
    for start in range(0, n, _BLOCK):
        cosines = directions[start : start + _BLOCK] @ directions[start:].T
        pairs = torch.ones_like(cosines, dtype=torch.bool).triu_(1)
        found = cosines[pairs].clamp_(-1, 1)
        if len(found):
            counts += torch.histc(found, bins=_BINS, min=-1, max=1)
            largest = max(largest, float(found.max()))
    number = n * (n - 1) / 2
    # |sum of directions|^2 = n + 2 * sum over pairs
    mean = (float(directions.double().sum(0).square().sum()) - float(directions.double().square().sum())) / (2 * number)
    rank = int(torch.searchsorted(counts.cumsum(0), torch.tensor(0.95 * number, dtype=torch.float64)))
    return {
        "decoder_cosine_mean": mean,
        "decoder_cosine_p95": -1 + (rank + 0.5) * 2 / _BINS,
        "decoder_cosine_max": largest,
    }
