"""Loss and gradients of one batch, written out sparsely: the readable reference, for every variant.

On rows x scaled to mean squared norm d, with activations a (k per row) and error e = a W_dec + b_dec - x:

    loss = |e|^2 / d + penalty * sum(a) + (1 / 32) * |x_aux - r|^2 / |r - mean r|^2        (means over rows)

Where dictionaries are nested, the first term is the mean over them, each error with its own first features only. Where
thresholds are learned, strength * (L0 / k - 1)^2 is added. The last term is AuxK (Gao et al. 2024, arXiv:2406.04093,
appendix A.2): the residual r = -e, seen as a constant, is reconstructed from the aux_k strongest features among the
dead ones, so that these get a gradient and come back. The gradients are those of d * loss, which Adam does not tell
from those of the loss and which stay far above its epsilon.
"""

from dataclasses import dataclass
from statistics import fmean

import torch

from samedream.sae.kernels import ActiveSet, Slice, active_set, decode, feature_sums, slices, value_gradients
from samedream.sae.thresholds import l0_penalty, threshold_gradients
from samedream.sae.variants.protocol import Variant

AUX_WEIGHT = 1 / 32


@dataclass(slots=True)
class Parameters:
    """Weights, or their gradients. Both matrices hold one row per feature, so that sums by feature are rows.

    Attributes:
        encoder: float32 [features, d].
        encoder_bias: float32 [features].
        decoder: float32 [features, d].
        decoder_bias: float32 [d].
        threshold: float32 [features] where thresholds are learned, else None.
    """

    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor
    decoder_bias: torch.Tensor
    threshold: torch.Tensor | None = None

    def tensors(self) -> list[torch.Tensor]:
        """All that there are, in a fixed order."""
        found = [self.encoder, self.encoder_bias, self.decoder, self.decoder_bias]
        return found if self.threshold is None else [*found, self.threshold]


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of a batch's loss.

    Attributes:
        unexplained: Mean squared error per dimension of the whole dictionary: near 1 - variance explained.
        penalty: What the variant adds: the L1 term, the L0 term, or by how much the mean over nested dictionaries is
            above the whole one's error.
        aux: The AuxK term before its weight; 0 when no feature is dead.
    """

    unexplained: float
    penalty: float
    aux: float

    @property
    def total(self) -> float:
        """What is minimised."""
        return self.unexplained + self.penalty + AUX_WEIGHT * self.aux


@dataclass(frozen=True, slots=True)
class AuxGradients:
    """What AuxK adds to the gradients of the dead features (weighted already; it touches nothing else).

    Attributes:
        features: The dead features, ascending, int64 [dead].
        encoder: float32 [dead, d].
        encoder_bias: float32 [dead].
        decoder: float32 [dead, d].
        loss: The AuxK term before its weight.
    """

    features: torch.Tensor
    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor
    loss: float


def gradients(
    weights: Parameters, rows: torch.Tensor, kind: Variant, *, dead: torch.Tensor, aux_k: int
) -> tuple[Parameters, Losses, ActiveSet]:
    """Loss and gradients of a batch.

    Args:
        weights: The dictionary.
        rows: Centred and scaled hidden states, float32 [rows, d].
        kind: Which activations are kept.
        dead: Features that have not fired for a while, int64 [dead].
        aux_k: How many dead features reconstruct a row's residual.

    Returns:
        Gradients, losses, and what was active.
    """
    pre = torch.addmm(weights.encoder_bias, rows, weights.encoder.T)
    margins = pre if weights.threshold is None else pre - weights.threshold
    active = active_set(pre, kind.select(margins))
    parts = slices(active, kind.nested)
    errors = _errors(parts, weights, rows)
    count, d = rows.shape
    squares = [float(error.square().sum()) / (count * d) for error in errors]
    penalty = kind.penalty * float(active.values.sum()) / count + fmean(squares) - squares[-1]

    pulls = _pulls(errors)
    found = _sums(parts, weights, rows, pulls=pulls, l1_slope=d * kind.penalty / count)
    if kind.jump is not None and weights.threshold is not None:
        l0_cost, l0_slope = l0_penalty(len(active.values) / count, kind.k, kind.jump)
        penalty += l0_cost
        found.threshold = threshold_gradients(
            margins, weights.threshold, slopes=pulls[0], decoder=weights.decoder, bandwidth=kind.jump.bandwidth,
            l0_slope=d * l0_slope,
        )  # fmt: skip
    aux = aux_gradients(weights, rows, pre=pre[:, dead], residual=-errors[-1], dead=dead, aux_k=aux_k)
    if aux is not None:
        found.encoder.index_add_(0, aux.features, aux.encoder)
        found.encoder_bias.index_add_(0, aux.features, aux.encoder_bias)
        found.decoder.index_add_(0, aux.features, aux.decoder)
    if kind.frozen_decoder:
        found.decoder.zero_()
    return found, Losses(squares[-1], penalty, aux.loss if aux is not None else 0.0), active


def _errors(parts: list[Slice], weights: Parameters, rows: torch.Tensor) -> list[torch.Tensor]:
    """Errors of the nested dictionaries, each the last one's plus what its own features add; float32 [rows, d] each."""
    error, found = weights.decoder_bias - rows, []
    for part in parts:
        error = decode(part.active, weights.decoder[part.columns]).add_(error)
        found.append(error)
    return found


def _pulls(errors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Slopes of the loss by the reconstruction, for each slice: from every nested dictionary that holds it."""
    factor = 2 / (len(errors) * len(errors[0]))
    pull, found = errors[-1] * factor, []
    for error in errors[-2::-1]:
        found.append(pull)
        pull = torch.add(pull, error, alpha=factor)
    return [pull, *reversed(found)]


def _sums(
    parts: list[Slice], weights: Parameters, rows: torch.Tensor, *, pulls: list[torch.Tensor], l1_slope: float
) -> Parameters:
    """Gradients without AuxK."""
    encoder, biases, decoder = [], [], []
    for part, pull in zip(parts, pulls, strict=True):
        slopes = value_gradients(part.active, pull, weights.decoder[part.columns]).add_(l1_slope)
        sums = feature_sums(part.active, (slopes, rows), (part.active.values, pull))
        encoder.append(sums[0])
        decoder.append(sums[1])
        biases.append(rows.new_zeros(part.active.width).index_add_(0, part.active.features, slopes))
    return Parameters(_joined(encoder), _joined(biases), _joined(decoder), pulls[0].sum(0))


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """One tensor; no copy where there is only one part."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def aux_gradients(
    weights: Parameters,
    rows: torch.Tensor,
    *,
    pre: torch.Tensor,
    residual: torch.Tensor,
    dead: torch.Tensor,
    aux_k: int,
) -> AuxGradients | None:
    """Loss and gradients of AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2).

    Dense over the dead features only: cheap when few are dead, and when many are there is nothing better to do.

    Args:
        weights: The dictionary.
        rows: Centred and scaled hidden states, float32 [rows, d].
        pre: Pre-activations of the dead features, float32 [rows, dead], changed in place.
        residual: What the whole dictionary leaves unexplained of them, float32 [rows, d]; a constant.
        dead: Features that have not fired for a while, int64 [dead].
        aux_k: How many dead features reconstruct a row's residual.

    Returns:
        What AuxK adds; None when no feature is dead, or when nothing is left to explain.
    """
    if not len(dead):
        return None
    spread = float((residual - residual.mean(0)).square().sum())
    if spread == 0.0:
        return None
    values = pre.relu_()
    if len(dead) > aux_k:
        strongest = values.topk(aux_k, dim=1, sorted=False)
        values = torch.zeros_like(values).scatter_(1, strongest.indices, strongest.values)
    decoder = weights.decoder[dead]
    errors = (values @ decoder).sub_(residual)
    loss = float(errors.square().sum()) / spread
    slopes = errors.mul_(rows.shape[1] * AUX_WEIGHT * 2 / spread)
    value_slopes = (slopes @ decoder.T).mul_(values > 0)
    return AuxGradients(
        features=dead,
        encoder=value_slopes.T @ rows,
        encoder_bias=value_slopes.sum(0),
        decoder=values.T @ slopes,
        loss=loss,
    )
