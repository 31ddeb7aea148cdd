"""The plain path of training: every formula where it can be read, on torch alone.

It trains every variant. The fused path (`samedream.sae.fused`), which trains the usual ones several times faster, is
tested against it.
"""

import torch

from samedream.sae.gradients import Losses, Parameters, gradients
from samedream.sae.optimiser import UnitNormAdam
from samedream.sae.variants.protocol import Variant


class TorchEngine:
    """Learns from one batch after the other."""

    def __init__(self, weights: Parameters, kind: Variant, *, aux_k: int) -> None:
        """Take weights over; they are changed in place.

        Args:
            weights: The dictionary.
            kind: Which activations are kept.
            aux_k: How many dead features reconstruct a row's residual.
        """
        self.weights, self._kind, self._aux_k = weights, kind, aux_k
        self._optimiser = UnitNormAdam(weights)

    def step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d].
            rate: Learning rate.
            dead: Features that have not fired for a while, int64 [dead].

        Returns:
            The losses, and the features that fired, int64 [fired], some several times.
        """
        found, losses, active = gradients(self.weights, rows, self._kind, dead=dead, aux_k=self._aux_k)
        if torch.isfinite(torch.tensor(losses.total)):
            self._optimiser.step(found, rate)
        return losses, active.features.long()

    def state(self) -> dict[str, torch.Tensor]:
        """What the next step depends on beside the weights: Adam's moments and the number of steps."""
        return self._optimiser.state()

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from weights that were changed and a state that `state` gave."""
        self._optimiser.restore(state)
