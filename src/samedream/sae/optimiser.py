"""Adam on a dictionary whose decoder rows keep norm 1, and the schedule of its learning rate."""

from typing import Any

import torch

from samedream.sae.gradients import Parameters

WARM_UP = 0.05  # share of the run
DECAY = 0.25  # share of the run, at its end
# Measured (docs/sae.md) on 150 to 1,000 steps and 2,304 to 10,240 features; for runs 100 times longer it gives what
# dictionary_learning and SAELens use there, 2e-4 to 3e-4.
_RATE, _STEPS, _WIDTH = 3e-3, 1000, 2**14
_HIGHEST = 5e-3
# Thresholds have some units to go in a short run, and Adam moves them by at most the rate in a step. Measured with a
# band of width 1: at 1 times the rate L0 stayed at 22 where 32 were wanted and 30 % of the features died.
_THRESHOLD_RATE = 5.0


def default_rate(width: int, steps: int) -> float:
    """Learning rate: 3e-3 for 1,000 steps, falling with the square root of their number; at most 5e-3.

    Above 2^14 features it falls with the square root of the width too (Gao et al. 2024, arXiv:2406.04093, section 3).
    """
    return float(min(_RATE * (_STEPS / steps) ** 0.5 / max(1.0, width / _WIDTH) ** 0.5, _HIGHEST))


def share_of_rate(step: int, steps: int) -> float:
    """Share of the peak learning rate at a step: linear from 0 over the first 5 %, linear to 0 over the last 25 %.

    Args:
        step: From 0.
        steps: Of the whole run.
    """
    up = (step + 1) / max(1.0, WARM_UP * steps)
    down = (steps - step) / max(1.0, DECAY * steps)
    return min(1.0, up, down)


class UnitNormAdam:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980) that keeps decoder rows at norm 1.

    The part of a decoder row's gradient along the row changes only its norm, which is set back to 1 after each step, so
    it is taken out before Adam sees it (Bricken et al. 2023, appendix "Advice for training").
    """

    def __init__(self, weights: Parameters) -> None:
        """Start with empty moments.

        Args:
            weights: The dictionary; changed in place by `step`.
        """
        self.weights = weights
        groups: list[dict[str, Any]] = [{"params": weights.tensors()[:4], "times": 1.0}]
        if weights.threshold is not None:
            groups.append({"params": [weights.threshold], "times": _THRESHOLD_RATE})
        self._adam = torch.optim.Adam(groups, fused=True)

    def step(self, found: Parameters, rate: float) -> None:
        """Take one step.

        Args:
            found: Gradients; the decoder's is changed in place.
            rate: Learning rate.
        """
        decoder = self.weights.decoder
        along = torch.linalg.vecdot(found.decoder, decoder).unsqueeze_(1)
        found.decoder.addcmul_(along, decoder, value=-1)
        for weight, gradient in zip(self.weights.tensors(), found.tensors(), strict=True):
            weight.grad = gradient
        for group in self._adam.param_groups:
            group["lr"] = rate * group["times"]
        self._adam.step()
        decoder.div_(torch.linalg.vector_norm(decoder, dim=1, keepdim=True))
        if self.weights.threshold is not None:
            self.weights.threshold.clamp_(min=0.0)  # below 0 an activation could be negative

    def state(self) -> dict[str, torch.Tensor]:
        """Moments and number of steps of each tensor, by "place.name"; empty before the first step."""
        return {
            f"{place}.{name}": value
            for place, found in self._adam.state_dict()["state"].items()
            for name, value in found.items()
        }

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take up a state that `state` gave."""
        nested: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in state.items():
            place, name = key.split(".")
            nested.setdefault(int(place), {})[name] = value
        self._adam.load_state_dict({**self._adam.state_dict(), "state": nested})
