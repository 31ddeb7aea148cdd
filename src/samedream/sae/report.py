"""What a training run reports."""

from dataclasses import dataclass
from typing import Any

import msgspec

from samedream.sae.advice import Metric
from samedream.sae.config import SAEConfig
from samedream.sae.plan import TrainingPlan


class Moment(msgspec.Struct, frozen=True):
    """The loss at one step, on the batch it was taken with.

    Attributes:
        step: From 1.
        unexplained: Share of the batch's variance that is not reconstructed.
        penalty: The L1 term.
        aux: The AuxK term before its weight.
        dead: Features that had not fired within the dead window.
    """

    step: int
    unexplained: float
    penalty: float
    aux: float
    dead: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """How a training run went.

    Attributes:
        config: The settings.
        plan: What they came to.
        d_in: Width of the hidden states.
        rows: Rows trained on.
        held_out_rows: Rows held out.
        scale: What centred rows were multiplied with.
        threshold: JumpReLU threshold in scaled units, None for topk.
        history: About 50 moments of the run, the last step among them.
        health: Figures on held-out rows.
        stopped_at: The step whose dictionary this is: the last one, or with `patience` the best on watched rows.
        vectors_per_second: Rows seen per second of the loop; never written to disk.
    """

    config: SAEConfig
    plan: TrainingPlan
    d_in: int
    rows: int
    held_out_rows: int
    scale: float
    threshold: float | None
    history: list[Moment]
    health: list[Metric]
    stopped_at: int
    vectors_per_second: float

    def __getitem__(self, key: str) -> float:
        """A health figure by its key ("variance_explained")."""
        return next(metric.value for metric in self.health if metric.key == key)

    def record(self) -> dict[str, Any]:
        """What is written to `health.json`: everything but the speed."""
        return {
            "rows": self.held_out_rows,
            "metrics": msgspec.to_builtins(self.health),
            "training": {
                **msgspec.to_builtins(self.plan),
                "variant": self.config.variant,
                "k": self.config.k,
                "l1_strength": self.config.penalty(),
                "seed": self.config.seed,
                "d_in": self.d_in,
                "rows": self.rows,
                "scale": self.scale,
                "threshold": self.threshold,
                "stopped_at": self.stopped_at,
                "history": msgspec.to_builtins(self.history),
            },
        }
