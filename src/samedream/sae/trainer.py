"""The state of a training run between two steps, and the order in which it reads rows."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from samedream.errors import TrainingError
from samedream.sae.gradients import Losses, Parameters, gradients
from samedream.sae.optimiser import UnitNormAdam, share_of_rate
from samedream.sae.plan import TrainingPlan
from samedream.sae.variant import Variant


def batches(rows: npt.NDArray[np.int64], plan: TrainingPlan, seed: int) -> Iterator[torch.Tensor]:
    """Row numbers of each step's batch: every epoch a new permutation, whose last, incomplete batch is left out.

    Args:
        rows: Rows to train on, int64.
        plan: Resolved settings.
        seed: Of the order. An epoch's order depends on seed and epoch alone, so a run can be taken up anywhere.

    Yields:
        int64 [batch_rows], `plan.steps` times.
    """
    per_epoch = len(rows) // plan.batch_rows
    for step in range(plan.steps):
        epoch, place = divmod(step, per_epoch)
        if place == 0:
            order = np.random.default_rng([seed, epoch]).permutation(rows)
        yield torch.from_numpy(order[place * plan.batch_rows : (place + 1) * plan.batch_rows])


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
        self.weights = Parameters(directions.clone(), torch.zeros(plan.width), directions, torch.zeros(d))
        self.plan, self.kind = plan, kind
        self.optimiser = UnitNormAdam(self.weights)
        self.steps_done = 0
        self.last_fired = torch.zeros(plan.width, dtype=torch.int64)

    def dead(self) -> torch.Tensor:
        """Features that have not fired within the dead window, int64 [dead]."""
        return (self.steps_done - self.last_fired >= self.plan.dead_after).nonzero().squeeze(1)

    def step(self, rows: torch.Tensor) -> Losses:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d].

        Raises:
            TrainingError: The loss is not finite.
        """
        found, losses, active = gradients(self.weights, rows, self.kind, dead=self.dead(), aux_k=self.plan.aux_k)
        if not np.isfinite(losses.total):
            raise TrainingError(
                f"the loss is {losses.total} at step {self.steps_done + 1}: training diverged. Lower learning_rate "
                f"(now {self.plan.learning_rate:g})"
            )
        share = share_of_rate(self.steps_done, self.plan.steps)
        self.optimiser.step(found, self.plan.learning_rate * share)
        self.steps_done += 1
        self.last_fired[active.features] = self.steps_done
        return losses
