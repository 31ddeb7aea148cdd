"""Baselines on the same rows: what a dictionary has to beat to be worth its training.

Each gives coefficients of a centred row. A signed coefficient c on a direction becomes two features, c and -c, of
which ReLU leaves one. So the k largest features are the k largest |coefficients|, and a baseline is a TopK dictionary
like any other: same encoding, same files, same health figures.

| name | directions | coefficients |
|---|---|---|
| `pca` | principal components, orthonormal | projections |
| `ica` | columns of FastICA's mixing matrix, norm 1 | sources, in units of those columns |
| `random` | random, norm 1 | projections |
| `nmf` | parts | at least 0, those that fit the row best |
| `frozen` | random, norm 1, as many as features | a trained encoder (`SAEConfig(variant="frozen")`) |

PCA and ICA have no more directions than dimensions, so at most 2 d features. NMF needs data that are at least 0: a row
x becomes [max(x, 0), max(-x, 0)]; a part has 2 d numbers with norm 1, and its direction is the first half less the
second. Its coefficients are no linear function of the row, so it cannot be saved as a dictionary. A row's k largest
coefficients are kept as they are, not fitted again without the others.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Never, get_args

import numpy as np
import numpy.typing as npt
import torch

from samedream.errors import TrainingError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.gradients import Parameters
from samedream.sae.plan import as_matrix
from samedream.sae.scaling import Scaling, measure
from samedream.sae.training import train_sae

Name = Literal["pca", "ica", "nmf", "random", "frozen"]
ICA_STEPS = 50  # FastICA's fixed-point steps; it is fitted on all rows at once
NMF_EPOCHS = 20
_FLAT = 1e-10  # axes with less than this share of the largest variance are constant but for rounding: no source there
_NMF_BATCH = 1024
_NMF_FITS = 100  # multiplicative updates of a row's coefficients, with the parts as they are

_Matrix = npt.NDArray[np.float32]


def baseline(name: Name, vectors: torch.Tensor, *, k: int, width: int, seed: int = 0) -> SparseAutoencoder:
    """Fit a baseline.

    Args:
        name: See the table above.
        vectors: Raw hidden states to fit on, float32 [rows, d].
        k: Features per row.
        width: Features wanted; there are fewer where the method has no more directions.
        seed: Of random directions, first guesses and the order of rows.

    Returns:
        A dictionary that takes raw hidden states.

    Raises:
        TrainingError: There is no such baseline, the vectors cannot be fitted, or k does not fit the features.
    """
    if name not in get_args(Name) or k < 1:
        raise TrainingError(
            f"a baseline {name!r} with k {k}: expected one of {', '.join(get_args(Name))}, and k above 0"
        )
    matrix = as_matrix(vectors)
    if not matrix.isfinite().all():
        raise TrainingError(
            f"some of the {len(matrix):,} vectors to fit {name} on are NaN or infinite: expected numbers"
        )
    if name == "frozen":
        return train_sae(matrix, SAEConfig(variant="frozen", k=k, width=width, seed=seed))[0]
    scaling = measure(matrix, np.arange(len(matrix)))
    rows = scaling.apply(matrix)
    if name == "nmf":
        found: SparseAutoencoder = _nmf(rows, scaling, k=k, width=width, seed=seed)
    else:
        encoder, decoder = _DIRECTIONS[name](rows, width // 2, seed)
        both = Parameters(
            torch.cat([encoder, -encoder]), torch.zeros(2 * len(encoder)), torch.cat([decoder, -decoder]),
            torch.zeros(matrix.shape[1]),
        )  # fmt: skip
        metadata = {"training_architecture": name}
        found = SparseAutoencoder.folded(both, scaling, threshold=None, k=k, metadata=metadata)
    if k >= found.d_sae:
        raise TrainingError(
            f"k is {k} and {name} has {found.d_sae:,} features here: expected k below the number of features. Lower k, "
            f"or raise width (now {width:,}, hidden states have {matrix.shape[1]} dimensions)"
        )
    return found


class NonNegativeParts(SparseAutoencoder):
    """NMF as a dictionary: its pre-activations are found by fitting each row. Cannot be saved."""

    def __init__(self, parts: _Matrix, scaling: Scaling, *, k: int) -> None:
        """Hold the parts.

        Args:
            parts: At least 0 and of norm 1, float32 [parts, 2 d]: what adds to a row, then what takes from it.
            scaling: What was done to the rows they were fitted on.
            k: Features per row.
        """
        d = parts.shape[1] // 2
        directions = torch.from_numpy(parts[:, :d] - parts[:, d:])
        weights = Parameters(directions.clone(), torch.zeros(len(parts)), directions, torch.zeros(d))
        plain = SparseAutoencoder.folded(weights, scaling, threshold=None, k=k, metadata={})
        tensors = {name: getattr(plain, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
        super().__init__("topk", tensors, k=k, metadata={"training_architecture": "nmf"})
        self._parts, self._scaling = parts, scaling

    def pre_activations(self, x: torch.Tensor) -> torch.Tensor:
        """The coefficients at least 0 that fit each row best, before the k largest are kept.

        Multiplicative updates (Lee and Seung 2001), from equal coefficients on.

        Args:
            x: Raw hidden states, float32 [rows, d].

        Returns:
            float32 [rows, parts].
        """
        parts = torch.from_numpy(self._parts)
        wanted = torch.from_numpy(_halves(self._scaling.apply(x))) @ parts.T
        products = parts @ parts.T
        found = torch.full_like(wanted, float(wanted.mean()) / max(float(products.sum(0).mean()), 1e-9))
        for _ in range(_NMF_FITS):
            found.mul_(wanted / (found @ products).clamp_(min=1e-9))
        return found

    def save(self, directory: Path | str) -> Never:
        """Refuse: the files would hold a linear encoder, and NMF has none.

        Raises:
            TrainingError: Always.
        """
        raise TrainingError(
            f"NMF cannot be saved in {directory}: its coefficients are fitted row by row, a saved dictionary has a "
            f"linear encoder. Fit it again where it is needed, or take pca or ica"
        )


def _pca(rows: torch.Tensor, number: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoder and decoder rows: the directions of largest variance, float32 [at most d, d]."""
    covariance = (rows.T @ rows).double() / len(rows)
    vectors = torch.linalg.eigh(covariance).eigenvectors.flip(1).T[:number].float().contiguous()
    return vectors, vectors


def _ica(rows: torch.Tensor, number: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoder and decoder rows: FastICA (Hyvärinen 1999, doi:10.1109/72.761722), float32 [at most d, d]."""
    from sklearn import decomposition

    wide = rows.double()  # in float32 the first, random guess of some hundred directions is too near to singular
    spread = torch.linalg.eigvalsh(wide.T @ wide)
    number = min(number, int((spread > _FLAT * spread[-1]).sum()))
    model = decomposition.FastICA(number, whiten="unit-variance", max_iter=ICA_STEPS, tol=1e-3, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FastICA did not converge")  # a budget, as for a dictionary
        model.fit(wide.numpy())
    encoder, decoder = (torch.from_numpy(found).float() for found in (model.components_, model.mixing_.T))
    norms = torch.linalg.vector_norm(decoder, dim=1, keepdim=True)
    return (encoder * norms).contiguous(), (decoder / norms).contiguous()


def _random(rows: torch.Tensor, number: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoder and decoder rows: random directions of norm 1, float32 [number, d]."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.nn.functional.normalize(torch.randn(number, rows.shape[1], generator=generator), dim=1)
    return found, found


_DIRECTIONS: Mapping[str, Callable[[torch.Tensor, int, int], tuple[torch.Tensor, torch.Tensor]]] = {
    "pca": _pca,
    "ica": _ica,
    "random": _random,
}


def _nmf(rows: torch.Tensor, scaling: Scaling, *, k: int, width: int, seed: int) -> NonNegativeParts:
    """Fit non-negative parts in batches (Lefèvre et al. 2011), at most 2 d of them."""
    from sklearn import decomposition

    halves = _halves(rows)
    model = decomposition.MiniBatchNMF(
        min(width, halves.shape[1]), init="random", batch_size=min(_NMF_BATCH, len(halves)), max_iter=NMF_EPOCHS,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Maximum number of iterations")
        model.fit(halves)
    norms = np.linalg.norm(model.components_, axis=1, keepdims=True)
    parts = (model.components_ / np.maximum(norms, 1e-12))[norms[:, 0] > 1e-6 * norms.max()]
    return NonNegativeParts(parts.astype(np.float32), scaling, k=k)


def _halves(rows: torch.Tensor) -> _Matrix:
    """Positive and negative parts side by side, float32 [rows, 2 d]."""
    return torch.cat([rows.relu(), (-rows).relu()], dim=1).numpy()
