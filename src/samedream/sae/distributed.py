"""One dictionary trained by several processes (data parallel), each on its share of every batch.

Plain torch.distributed: whoever calls `torch.distributed.init_process_group` first, in processes that `torchrun` or any
other launcher started, and then trains as usual, trains together. Gradients are averaged before the weights change, so
all processes hold the same weights. BatchTopK chooses among the rows of each process, not of the whole batch, and AuxK
measures its residual there.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist

from samedream.errors import TrainingError
from samedream.sae.gradients import Losses, Parameters, gradients
from samedream.sae.optimiser import UnitNormAdam
from samedream.sae.variants.protocol import Variant

Rows = TypeVar("Rows", torch.Tensor, npt.NDArray[np.int64])


class Ranks:
    """The processes that train together."""

    def __init__(self, rank: int, count: int) -> None:
        """Describe them.

        Args:
            rank: Of this process.
            count: Of all.
        """
        self.rank, self.count = rank, count

    def share(self, batch: Rows) -> Rows:
        """This process's part of a batch.

        Args:
            batch: Rows, or their numbers; the same in all processes.

        Raises:
            TrainingError: The batch cannot be divided evenly; the mean of means would not be the mean.
        """
        part, rest = divmod(len(batch), self.count)
        if rest:
            raise TrainingError(
                f"a batch of {len(batch):,} rows for {self.count} processes: expected a multiple of {self.count}. Set "
                f"batch_rows = {(part + 1) * self.count}"
            )
        return batch[self.rank * part : (self.rank + 1) * part]

    def mean_(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace float32 tensors by their means over all processes."""
        for tensor in tensors:
            dist.all_reduce(tensor)
            tensor.div_(self.count)

    def union(self, mask: torch.Tensor) -> torch.Tensor:
        """What any process marks, bool."""
        marks = mask.byte()
        dist.all_reduce(marks, dist.ReduceOp.MAX)
        return marks.bool()


def current_ranks() -> Ranks | None:
    """The processes of torch.distributed's default group; None where there is none, or this one alone."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return None
    return Ranks(dist.get_rank(), dist.get_world_size())


class DistributedEngine:
    """`samedream.sae.reference.TorchEngine` in several processes: gradients are averaged before each step."""

    def __init__(self, weights: Parameters, kind: Variant, ranks: Ranks, *, aux_k: int) -> None:
        """Take weights over; they are changed in place.

        Args:
            weights: The dictionary, the same in all processes.
            kind: Which activations are kept.
            ranks: The processes.
            aux_k: How many dead features reconstruct a row's residual.
        """
        self.weights, self._kind, self._ranks, self._aux_k = weights, kind, ranks, aux_k
        self._optimiser = UnitNormAdam(weights)

    def step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        """Learn from one batch.

        Args:
            rows: This process's share, centred and scaled, float32 [rows, d].
            rate: Learning rate.
            dead: Features that have not fired for a while, int64 [dead]; the same in all processes.

        Returns:
            The mean of the losses, and the features that fired anywhere, int64 [fired].
        """
        found, own, active = gradients(self.weights, rows, self._kind, dead=dead, aux_k=self._aux_k)
        parts = torch.tensor([own.unexplained, own.penalty, own.aux])
        self._ranks.mean_([*found.tensors(), parts])
        losses = Losses(*(float(part) for part in parts))
        if np.isfinite(losses.total):
            self._optimiser.step(found, rate)
        fired = torch.zeros(active.width, dtype=torch.bool)
        fired[active.features.long()] = True
        return losses, self._ranks.union(fired).nonzero().squeeze(1)

    def state(self) -> dict[str, torch.Tensor]:
        """Adam's moments and the number of steps, the same in all processes."""
        return self._optimiser.state()

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from weights that were changed and a state that `state` gave."""
        self._optimiser.restore(state)
