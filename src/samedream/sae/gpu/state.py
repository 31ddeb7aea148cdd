"""What the kernels of a GPU step read and change, feature by feature."""

from dataclasses import dataclass

import torch

from samedream.sae.gpu.choice import Entries, FeatureMajor
from samedream.sae.gradients import Parameters


@dataclass(frozen=True, slots=True)
class Gradients:
    """Gradients of all features, float32: encoder [features, d], encoder_bias [features], decoder [features, d]."""

    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor

    def tensors(self) -> list[torch.Tensor]:
        """All three, in a fixed order."""
        return [self.encoder, self.encoder_bias, self.decoder]


@dataclass(frozen=True, slots=True)
class AuxPart:
    """What AuxK adds to the gradients of some features; all on the device.

    Attributes:
        place: Row of each feature in the tensors below, or -1, int32 [features].
        gradients: Of those features: encoder [some, d], encoder_bias [some], decoder [some, d].
        loss: The AuxK term before its weight, float32 [].
    """

    place: torch.Tensor
    gradients: Gradients
    loss: torch.Tensor


@dataclass(frozen=True, slots=True)
class Work:
    """What the gradients of every feature are made from.

    Attributes:
        entries: What is active.
        layout: The same by feature.
        slopes: Of the loss by the activations, float32 [n].
        rows: Centred and scaled hidden states, float32 [rows, d].
        pulls: Slopes by the reconstruction of each nested dictionary's own features, float32 [nested, rows, d].
        aux: What AuxK adds.
    """

    entries: Entries
    layout: FeatureMajor
    slopes: torch.Tensor
    rows: torch.Tensor
    pulls: torch.Tensor
    aux: AuxPart | None


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights and Adam's moments.

    Attributes:
        weights: float32; changed in place.
        low: The encoder as the product reads it, bfloat16 [features, d]; the float32 encoder itself where the product
            is in float32.
        moments: Means of gradients and of their squares, float32: encoder [2, features, d], encoder bias [2, features],
            decoder [2, features, d], decoder bias [2, d].
    """

    weights: Parameters
    low: torch.Tensor
    moments: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]

    @classmethod
    def start(cls, weights: Parameters, product: torch.dtype) -> "Learned":
        """Empty moments.

        Args:
            weights: Taken over.
            product: Number format of the encoder's product.
        """
        encoder, encoder_bias, decoder, decoder_bias = (
            tensor.new_zeros((2, *tensor.shape)) for tensor in weights.tensors()[:4]
        )
        return cls(weights, weights.encoder.to(product), (encoder, encoder_bias, decoder, decoder_bias))


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one step of Adam.

    Attributes:
        corrected: Learning rate over the bias correction of the mean of gradients.
        correction: 1 over the bias correction of the mean of their squares.
    """

    corrected: float
    correction: float

    @classmethod
    def of(cls, rate: float, step: int) -> "Rates":
        """Those of a step, counted from 1."""
        return cls(rate / (1 - 0.9**step), 1 / (1 - 0.999**step))
