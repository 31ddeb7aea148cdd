"""What a kind of dictionary has to say."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

Architecture = Literal["jumprelu", "topk"]
Rule = Literal["batch", "row"]


@dataclass(frozen=True, slots=True)
class Jump:
    """How thresholds are learned.

    Attributes:
        start: Every feature's first threshold.
        bandwidth: Width of the band around a threshold in which pre-activations pull on it.
        strength: Weight of (L0 / k - 1)^2, beside the share of variance that is not explained.
    """

    start: float
    bandwidth: float
    strength: float


@dataclass(frozen=True)
class Variant(ABC):
    """What sets one kind of dictionary apart while it is trained, and how it is saved.

    Attributes:
        k: Features per row that are aimed at.
        nested: Where the nested dictionaries end (feature counts, ascending); (width,) without any.
        penalty: Weight of the L1 penalty on the activations that are kept.
        architecture: What it is saved as: "jumprelu" has a threshold, "topk" has k.
        rule: How a fused trainer can choose by itself, without calling `select`. "batch": the rows * k largest of the
            batch; "row": the k largest of each row; None: only the plain path (`samedream.sae.gradients`) trains it.
        calibrated: Whether one threshold for all features is set after training, so that L0 on held-out rows is k.
        frozen_decoder: Whether the decoder stays as it is at the start.
    """

    k: int
    nested: tuple[int, ...]
    penalty: float = 0.0
    architecture: ClassVar[Architecture]
    rule: ClassVar[Rule | None] = None
    calibrated: ClassVar[bool] = False
    frozen_decoder: ClassVar[bool] = False

    @property
    def jump(self) -> Jump | None:
        """How thresholds are learned; None where they are not."""
        return None

    @abstractmethod
    def select(self, pre: torch.Tensor) -> npt.NDArray[np.int64]:
        """Which features are active.

        Args:
            pre: Pre-activations, float32 [rows, features], contiguous; less the thresholds where these are learned.

        Returns:
            Ascending positions in the flattened `pre` of the activations that are kept; all have a value above 0.
        """
