"""AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2) in shapes that do not depend on which features are dead.

As in `samedream.sae.gradients.aux_gradients`: dense over the dead features. Their number is known to the host some
steps late, so room is kept for the next power of two, and what is not dead is masked out. Where more are dead than
there is room for, those with the lowest numbers go first.
"""

import torch

from samedream.sae.gpu.state import AuxPart, Gradients
from samedream.sae.gradients import AUX_WEIGHT, Parameters


def room(dead: float, width: int) -> int:
    """For how many dead features room is kept.

    Args:
        dead: How many there were when they were counted.
        width: Number of features.
    """
    return min(width, 1 << (int(dead) - 1).bit_length()) if dead else 0


def aux_part(
    weights: Parameters,
    rows: torch.Tensor,
    *,
    pre: torch.Tensor,
    residual: torch.Tensor,
    dead: torch.Tensor,
    space: int,
    aux_k: int,
) -> AuxPart:
    """Loss and gradients of AuxK.

    Args:
        weights: The dictionary.
        rows: Centred and scaled hidden states, float32 [rows, d].
        pre: Their pre-activations, bfloat16 or float32 [rows, features]; products are taken in this format.
        residual: What the whole dictionary leaves unexplained of them, float32 [rows, d]; a constant.
        dead: Features that have not fired for a while, bool [features].
        space: For how many there is room, above 0.
        aux_k: How many dead features reconstruct a row's residual.
    """
    features = (~dead).byte().argsort(stable=True)[:space]
    real = dead[features]
    values = pre[:, features].relu_() * real
    if space > aux_k:
        strongest = values.topk(aux_k, dim=1, sorted=False)
        values = torch.zeros_like(values).scatter_(1, strongest.indices, strongest.values)
    decoder = weights.decoder[features].to(pre.dtype)
    errors = (values @ decoder).float().sub_(residual)
    spread = (residual - residual.mean(0)).square().sum()
    share = torch.where(spread > 0, 1 / spread, 0.0)  # with nothing left to explain, no gradient
    loss = errors.square().sum() * share
    slopes = errors.mul_(rows.shape[1] * AUX_WEIGHT * 2 * share).to(pre.dtype)
    value_slopes = (slopes @ decoder.T).mul_(values > 0)
    gradients = Gradients(
        encoder=(value_slopes.T @ rows.to(pre.dtype)).float(),
        encoder_bias=value_slopes.sum(0, dtype=torch.float32),
        decoder=(values.T @ slopes).float(),
    )
    place = torch.full_like(dead, -1, dtype=torch.int32)
    numbers = torch.arange(space, dtype=torch.int32, device=dead.device)
    place.scatter_(0, features, torch.where(real, numbers, -1))
    return AuxPart(place, gradients, loss)
