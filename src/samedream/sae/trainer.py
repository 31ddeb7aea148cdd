"""The state of a training run between two steps."""

from typing import Protocol

import numpy as np
import torch

from samedream.errors import TrainingError
from samedream.sae.distributed import DistributedEngine, current_ranks
from samedream.sae.gpu.device import training_device
from samedream.sae.gradients import Losses, Parameters
from samedream.sae.optimiser import share_of_rate
from samedream.sae.plan import TrainingPlan
from samedream.sae.reference import TorchEngine
from samedream.sae.variants.protocol import Variant


class Engine(Protocol):
    """What changes the weights: the plain path (`reference.TorchEngine`), the fused one (`fused.FusedEngine`), ..."""

    def step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        """Learn from one batch; return the losses and the features that fired.

        Dead features and those that fired are lists on the CPU, int64, and masks on a GPU, bool [features].
        """

    def state(self) -> dict[str, torch.Tensor]:
        """What the next step depends on beside the weights."""

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from weights that were changed and a state that `state` gave."""


def engine(weights: Parameters, kind: Variant, *, aux_k: int) -> Engine:
    """The fastest path that trains this variant here; numba has no build for every platform."""
    ranks = current_ranks()
    if weights.encoder.is_cuda:
        from samedream.sae.gpu.engine import GpuEngine

        return GpuEngine(weights, kind, aux_k=aux_k, ranks=ranks)
    if ranks is not None:
        return DistributedEngine(weights, kind, ranks, aux_k=aux_k)
    if kind.rule is not None:
        try:
            from samedream.sae.fused.engine import FusedEngine
        except ImportError:
            return TorchEngine(weights, kind, aux_k=aux_k)
        return FusedEngine(weights, kind, aux_k=aux_k)
    return TorchEngine(weights, kind, aux_k=aux_k)


class Trainer:
    """The state of a run between two steps."""

    def __init__(self, d: int, plan: TrainingPlan, kind: Variant, *, seed: int) -> None:
        """Start: random decoder rows of norm 1, the encoder their transpose, biases 0.

        Args:
            d: Width of the hidden states.
            plan: Resolved settings.
            kind: Which activations are kept.
            seed: Of the first weights.
        """
        generator = torch.Generator().manual_seed(seed)
        directions = torch.nn.functional.normalize(torch.randn(plan.width, d, generator=generator), dim=1)
        threshold = torch.full((plan.width,), kind.jump.start) if kind.jump is not None else None
        self.weights = Parameters(directions.clone(), torch.zeros(plan.width), directions, torch.zeros(d), threshold)
        self.device = training_device(kind)
        self.weights = _moved(self.weights, self.device)
        self.plan, self.kind = plan, kind
        self.engine = engine(self.weights, kind, aux_k=plan.aux_k)
        self.steps_done = 0
        self.last_fired = torch.zeros(plan.width, dtype=torch.int64, device=self.device)

    def silent(self) -> torch.Tensor:
        """Which features have not fired within the dead window, bool [features]."""
        return self.steps_done - self.last_fired >= self.plan.dead_after

    def dead(self) -> torch.Tensor:
        """Features that have not fired within the dead window, int64 [dead]."""
        return (self.steps_done - self.last_fired >= self.plan.dead_after).nonzero().squeeze(1)

    def step(self, rows: torch.Tensor) -> Losses:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d], contiguous.

        Raises:
            TrainingError: The loss is not finite.
        """
        rate = self.plan.learning_rate * share_of_rate(self.steps_done, self.plan.steps)
        losses, fired = self.engine.step(rows, rate, self.dead())
        if not np.isfinite(losses.total):
            raise TrainingError(
                f"the loss is {losses.total} at step {self.steps_done + 1}: training diverged. Lower learning_rate "
                f"(now {self.plan.learning_rate:g})"
            )
        self.steps_done += 1
        self.last_fired[fired] = self.steps_done
        return losses

    def state(self) -> dict[str, torch.Tensor]:
        """Everything the next step depends on: `restore` goes on from it bit for bit."""
        weights = {f"weights.{place}": tensor for place, tensor in enumerate(self.weights.tensors())}
        inner = {f"engine.{name}": tensor for name, tensor in self.engine.state().items()}
        return {**weights, **inner, "last_fired": self.last_fired, "steps_done": torch.tensor(self.steps_done)}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from what `state` gave, in a trainer of the same plan."""
        for place, tensor in enumerate(self.weights.tensors()):
            tensor.copy_(state[f"weights.{place}"])
        self.engine.restore({name[7:]: tensor for name, tensor in state.items() if name.startswith("engine.")})
        self.last_fired = state["last_fired"].clone()
        self.steps_done = int(state["steps_done"])
