"""One dictionary of two models' passage vectors together, and what each of its latents is in either model.

A crosscoder (Lindsey et al. 2024, transformer-circuits.pub/2024/crosscoders) of two models is a sparse autoencoder of
their vectors laid side by side: one activation per latent, and a decoder row whose two parts say how the latent is
written in each model. With BatchTopK in place of an L1 penalty nothing shrinks a part (Minder et al. 2025,
arXiv:2504.02922). So the sae room's trainer trains it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samedream import progress
from samedream.comparison.blocks import Rows

COMPONENTS = 96
K = 12
STEPS = 300
_BATCH = 256
_OVERSAMPLED, _ITERATIONS = 10, 4  # of the randomised search for principal components
_RIDGE = 0.1  # penalty of the readings, in mean eigenvalues
_TINY = 1e-12

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Parts:
    """Articles to learn from and articles to judge on: row numbers, int64."""

    learned: Rows
    judged: Rows


@dataclass(frozen=True)
class Joint:
    """A joint dictionary, judged on articles that it was not trained on. F latents, n passages, models a and b.

    Attributes:
        agreement: Correlation over the judged passages between the latent as read from a alone and from b alone,
            ``[F]``.
        fires: On how many judged passages the latent is active, ``[F]``.
        norms: Norm of the decoder's two parts, ``[2, F]``.
        strength: Norm of what the latent adds to each model's reconstruction on the judged articles ``[2, F]``:
            0 where the decoder's part does not hold there.
        elsewhere: Norm of what each model's whole reconstruction holds of the latent, from other latents too,
            ``[2, F]``.
        explained: Share of the judged articles' variance that is given back, of each model.
        reconstruction: ``[n, 2 p]``.
        error: ``[n, 2 p]``.
    """

    agreement: Floats
    fires: Rows
    norms: Floats
    strength: Floats
    elsewhere: Floats
    explained: tuple[float, float]
    reconstruction: Floats
    error: Floats


def principal(states: Floats, parts: Parts, *, seed: int) -> tuple[Floats, float]:
    """Passages on the 96 leading principal components of the learned rows, centred, of mean squared norm 1 there.

    The search (Halko et al. 2011, arXiv:0909.4061) draws in passage space, and each component's sign makes its third
    moment positive: a rotation of the states changes nothing.

    Args:
        states: float32 ``[n, d]``.
        parts: The rows.
        seed: Of the search.

    Returns:
        float32 ``[n, p]``, and the share of the judged rows' variance that lies on these components.
    """
    centred = states - states[parts.learned].mean(axis=0)
    rows = centred[parts.learned]
    rank = min(COMPONENTS, *rows.shape)
    start = np.random.default_rng([seed, 11]).normal(size=(len(rows), min(rank + _OVERSAMPLED, *rows.shape)))
    basis = np.linalg.qr(start.astype(np.float32))[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(rows @ (rows.T @ basis))[0]
    directions = np.linalg.svd(rows.T @ basis, full_matrices=False)[0][:, :rank]
    scores = centred @ directions
    scores *= np.where((scores[parts.learned].astype(np.float64) ** 3).sum(axis=0) < 0, -1, 1)
    kept = np.square(scores[parts.judged]).sum() / np.square(centred[parts.judged]).sum()
    scores /= np.sqrt(np.square(scores[parts.learned]).sum(axis=1).mean())
    return scores.astype(np.float32), float(kept)


def fit(a: Floats, b: Floats, parts: Parts, *, width: int, seed: int) -> Joint:
    """Train a crosscoder on the learned rows and judge each latent on the others.

    Args:
        a: Left's passages, float32 ``[n, p]``, of mean squared norm 1 over the learned rows.
        b: Right's, the same passages, ``[n, q]``.
        parts: The rows.
        width: Number of latents.
        seed: Of the dictionary.
    """
    both = np.concatenate([a, b], axis=1)
    active, decoder, reconstruction = _train(both, parts, width=width, seed=seed)
    error = both - reconstruction
    models = (slice(0, a.shape[1]), slice(a.shape[1], None))
    learned, judged = active[parts.learned], active[parts.judged]
    read = [_reading(both[:, model], learned, parts) for model in models]
    strength = [_strength(judged, error[parts.judged, model], decoder[:, model]) for model in models]
    elsewhere = [_elsewhere(learned, judged, reconstruction[:, model], parts) for model in models]
    lost = [
        float(np.square(error[parts.judged, model]).sum() / np.square(both[parts.judged, model]).sum())
        for model in models
    ]
    return Joint(
        agreement=correlation(*read),
        fires=(judged > 0).sum(axis=0),
        norms=np.stack([np.linalg.norm(decoder[:, model], axis=1) for model in models]),
        strength=np.stack(strength),
        elsewhere=np.stack(elsewhere),
        explained=(1 - lost[0], 1 - lost[1]),
        reconstruction=reconstruction,
        error=error,
    )


def _train(both: Floats, parts: Parts, *, width: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Activations ``[n, F]``, decoder ``[F, 2 p]`` and reconstruction ``[n, 2 p]`` of a BatchTopK dictionary."""
    import torch  # heavy, and needed only where the comparison is given hidden states

    from samedream.sae.config import SAEConfig
    from samedream.sae.training import train_sae

    config = SAEConfig(width=width, k=K, steps=STEPS, batch_rows=_BATCH, seed=seed)
    with progress.quiet():
        sae, _ = train_sae(both[parts.learned], config)
    with torch.no_grad():
        active = sae.encode(torch.from_numpy(both))
        return active.numpy(), sae.W_dec.numpy(), sae.decode(active).numpy()


def _written(active: Floats, target: Floats) -> Floats:
    """Least squares of what stands in `target` ``[n, p]`` for one unit of each latent: ``[F, p]``."""
    written: Floats = active.T @ target / (np.square(active).sum(axis=0)[:, None] + _TINY)
    return written


def _strength(active: Floats, error: Floats, part: Floats) -> Floats:
    """``sqrt(beta) |d|``, beta from Minder et al. (2025), latent scaling: least squares of error plus own part on f d.

    ``beta = <d, sum f y> / (|d|^2 sum f^2)``, y the error with the latent's own ``f d`` put back. Here on judged
    articles: beta is 1 where the part holds there, 0 where it was made of the noise of the learned ones.
    """
    held = (_written(active, error) * part).sum(axis=1) + np.square(part).sum(axis=1)
    strength: Floats = np.sqrt(np.maximum(held, 0))
    return strength


def _elsewhere(learned: Floats, judged: Floats, reconstruction: Floats, parts: Parts) -> Floats:
    """Norm of what the whole reconstruction holds of each latent, seen alike in learned and judged rows.

    In place of Minder's beta of the reconstruction: models of unlike spaces share no d, so the direction is free, and
    the product of both halves' directions takes the place of its squared norm, which noise would raise.
    """
    seen = (_written(learned, reconstruction[parts.learned]), _written(judged, reconstruction[parts.judged]))
    norm: Floats = np.sqrt(np.maximum((seen[0] * seen[1]).sum(axis=1), 0))
    return norm


def _reading(vectors: Floats, learned: Floats, parts: Parts) -> Floats:
    """Every latent as read from one model alone: ridge regression on the learned rows, read on the judged ones.

    Cut so that it fires as often there as the latent does where it was learned. The crosscoder's own activation does
    not do here: its encoder sees both models, so what it sees in one is always a little in what it is held against in
    the other.

    Returns:
        At least 0, ``[judged rows, F]``.
    """
    rows = vectors[parts.learned]
    gram = rows.T @ rows
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    read: Floats = vectors[parts.judged] @ np.linalg.solve(gram, rows.T @ (learned - learned.mean(axis=0)))
    silent = np.round((learned <= 0).mean(axis=0) * len(read)).astype(np.int64)
    cut = np.take_along_axis(np.sort(read, axis=0), np.clip(silent - 1, 0, None)[None], axis=0)
    fires: Floats = np.maximum(read - cut, 0)
    return fires


def correlation(x: Floats, y: Floats) -> Floats:
    """Pearson correlation of the columns, 0 where one is constant."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    size = np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum(axis=0))
    r: Floats = (x * y).sum(axis=0) / np.where(size > 0, size, 1)
    return r
