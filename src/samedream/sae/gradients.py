"""Loss and gradients of one batch, written out sparsely.

On rows x scaled to mean squared norm d, with activations a (k per row) and error e = a W_dec + b_dec - x:

    loss = |e|^2 / d + penalty * sum(a) + (1 / 32) * |x_aux - r|^2 / |r - mean r|^2        (means over rows)

The last term is AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2): the residual r = -e, seen as a constant, is
reconstructed from the aux_k strongest features among the dead ones, so that these get a gradient and come back. The
gradients are those of d * loss, which Adam does not tell from those of the loss and which stay far above its epsilon.
"""

from dataclasses import dataclass

import torch

from samedream.sae.kernels import ActiveSet, active_set, by_feature, decode, feature_sums, value_gradients
from samedream.sae.variant import Variant

AUX_WEIGHT = 1 / 32


@dataclass(slots=True)
class Parameters:
    """Weights, or their gradients. Both matrices hold one row per feature, so that sums by feature are rows.

    Attributes:
        encoder: float32 [features, d].
        encoder_bias: float32 [features].
        decoder: float32 [features, d].
        decoder_bias: float32 [d].
    """

    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor
    decoder_bias: torch.Tensor

    def tensors(self) -> list[torch.Tensor]:
        """All four, in a fixed order."""
        return [self.encoder, self.encoder_bias, self.decoder, self.decoder_bias]


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of a batch's loss.

    Attributes:
        unexplained: Mean squared error per dimension: near 1 - variance explained.
        penalty: The L1 term.
        aux: The AuxK term before its weight; 0 when no feature is dead.
    """

    unexplained: float
    penalty: float
    aux: float

    @property
    def total(self) -> float:
        """What is minimised."""
        return self.unexplained + self.penalty + AUX_WEIGHT * self.aux


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
    active = active_set(pre, kind.select(pre))
    errors = decode(active, weights.decoder).add_(weights.decoder_bias).sub_(rows)
    count, d = rows.shape
    unexplained = float(errors.square().sum()) / (count * d)
    penalty = kind.penalty * float(active.values.sum()) / count

    slopes = errors * (2 / count)
    value_slopes = value_gradients(active, slopes, weights.decoder)
    if kind.penalty:
        value_slopes += d * kind.penalty / count
    layout = by_feature(active)
    found = Parameters(
        encoder=feature_sums(layout, value_slopes, rows),
        encoder_bias=torch.zeros_like(weights.encoder_bias).index_add_(0, active.features, value_slopes),
        decoder=feature_sums(layout, active.values, slopes),
        decoder_bias=slopes.sum(0),
    )
    aux = _add_aux(found, weights, rows, pre=pre, residual=errors.neg_(), dead=dead, aux_k=aux_k)
    return found, Losses(unexplained, penalty, aux), active


def _add_aux(
    found: Parameters,
    weights: Parameters,
    rows: torch.Tensor,
    *,
    pre: torch.Tensor,
    residual: torch.Tensor,
    dead: torch.Tensor,
    aux_k: int,
) -> float:
    """Add the gradients of AuxK to `found`; return the term before its weight.

    Dense over the dead features only: cheap when few are dead, and when many are there is nothing better to do.
    """
    if not len(dead):
        return 0.0
    values = pre[:, dead].relu_()
    if len(dead) > aux_k:
        strongest = values.topk(aux_k, dim=1, sorted=False)
        values = torch.zeros_like(values).scatter_(1, strongest.indices, strongest.values)
    decoder = weights.decoder[dead]
    spread = float((residual - residual.mean(0)).square().sum())
    if spread == 0.0:
        return 0.0
    errors = (values @ decoder).sub_(residual)
    aux = float(errors.square().sum()) / spread
    slopes = errors.mul_(rows.shape[1] * AUX_WEIGHT * 2 / spread)
    found.decoder[dead] += values.T @ slopes
    value_slopes = (slopes @ decoder.T).mul_(values > 0)
    found.encoder[dead] += value_slopes.T @ rows
    found.encoder_bias[dead] += value_slopes.sum(0)
    return aux
