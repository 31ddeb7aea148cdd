"""The state of a training run between two steps."""

from typing import Protocol

import numpy as np
import torch

from samedream.errors import TrainingError
from samedream.sae.distributed import DistributedEngine, current_ranks
from samedream.sae.gpu.device import training_device
from samedream.sae.gpu.engine import GpuEngine
from samedream.sae.gradients import Losses, Parameters
from samedream.sae.optimiser import share_of_rate
from samedream.sae.plan import TrainingPlan
from samedream.sae.reference import TorchEngine
from samedream.sae.variants.protocol import Variant


class Engine(Protocol):
    """What changes the weights.

    The plain path (`reference.TorchEngine`), the fused one (`fused.FusedEngine`), the GPU's (`gpu.engine.GpuEngine`),
    and the plain path in several processes (`distributed.DistributedEngine`).
    """

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
        directions = torch.randn(plan.width, d, generator=generator)
        directions /= directions.norm(dim=1, keepdim=True)
        threshold = torch.full((plan.width,), kind.jump.start) if kind.jump is not None else None
        device = training_device(kind)
        first = Parameters(directions.clone(), torch.zeros(plan.width), directions, torch.zeros(d), threshold)
        self.weights = Parameters(*(tensor.to(device) for tensor in first.tensors()))
        self.plan, self.kind = plan, kind
        self.engine = engine(self.weights, kind, aux_k=plan.aux_k)
        self.steps_done, self.dead_count = 0, 0
        self.last_fired = torch.zeros(plan.width, dtype=torch.int64, device=device)

    def silent(self) -> torch.Tensor:
        """Which features have not fired within the dead window, bool [features]."""
        return self.steps_done - self.last_fired >= self.plan.dead_after

    def dead(self) -> torch.Tensor:
        """Features that have not fired within the dead window, int64 [dead]."""
        return self.silent().nonzero().squeeze(1)

    def host_weights(self) -> Parameters:
        """The weights on the CPU: themselves where they are there already."""
        return Parameters(*(tensor.cpu() for tensor in self.weights.tensors()))

    def step(self, rows: torch.Tensor) -> Losses:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d], contiguous.

        Raises:
            TrainingError: The loss is not finite.
        """
        rate = self.plan.learning_rate * share_of_rate(self.steps_done, self.plan.steps)
        losses, fired = self._stepped(rows, rate)
        if not np.isfinite(losses.total):
            raise TrainingError(
                f"the loss is {losses.total} at step {self.steps_done + 1}: training diverged. Lower learning_rate "
                f"(now {self.plan.learning_rate:g})"
            )
        self.steps_done += 1
        self.last_fired[fired] = self.steps_done
        return losses

    def _stepped(self, rows: torch.Tensor, rate: float) -> tuple[Losses, torch.Tensor]:
        """The engine's step; notes how many features were dead before it."""
        if isinstance(self.engine, GpuEngine):
            losses, fired = self.engine.step(rows, rate, self.silent())
            self.dead_count = self.engine.dead_count
            return losses, fired
        dead = self.dead()
        self.dead_count = len(dead)
        return self.engine.step(rows, rate, dead)

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
        self.last_fired.copy_(state["last_fired"])
        self.steps_done = int(state["steps_done"])
