"""What every reader returns, and the algebra that turns other kinds into "jumprelu" and "topk"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from samedream.sae.variants.protocol import Architecture

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Weights:
    """A dictionary as it was read.

    Attributes:
        architecture: "jumprelu" or "topk".
        tensors: W_enc [d, F], b_enc [F], W_dec [F, d], b_dec [d] and, for jumprelu, threshold [F], all float32.
        k: For topk.
        apply_b_dec_to_input: Whether b_dec is subtracted before encoding.
        metadata: What the files say of the model and the layer, in SAELens' words.
    """

    architecture: Architecture
    tensors: Tensors
    k: int | None = None
    apply_b_dec_to_input: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)


def constant_threshold(tensors: Tensors, threshold: float) -> Tensors:
    """One threshold for all features; 0 makes a ReLU of the JumpReLU.

    Args:
        tensors: With b_enc, float32 [F].
        threshold: In units of the pre-activations.

    Returns:
        The same tensors and threshold, float32 [F].
    """
    return tensors | {"threshold": torch.full_like(tensors["b_enc"], threshold)}


def without_gate(tensors: Tensors) -> Tensors:
    """A gated dictionary (Rajamanoharan et al. 2024, arXiv:2404.16014; tied weights) as a JumpReLU, exactly.

    With h = (x - b_dec) W_enc a feature is relu(e^r h + b_mag) where h + b_gate > 0, else 0. For p = e^r h + b_mag, h
    is above -b_gate where p is above b_mag - e^r b_gate: a threshold on p. Below 0 it acts like 0, since relu follows.

    Args:
        tensors: W_enc [d, F]; b_gate, b_mag, r_mag [F]; W_dec and b_dec. float32.

    Returns:
        W_enc, b_enc, threshold, W_dec, b_dec.
    """
    growth = tensors["r_mag"].exp()
    return {
        "W_enc": tensors["W_enc"] * growth,
        "b_enc": tensors["b_mag"],
        "threshold": (tensors["b_mag"] - growth * tensors["b_gate"]).clamp(min=0),
        "W_dec": tensors["W_dec"],
        "b_dec": tensors["b_dec"],
    }


def unit_decoder(tensors: Tensors) -> Tensors:
    """Give decoder rows norm 1 and let the encoder make up for it: pre-activations are multiplied by the norms.

    Args:
        tensors: W_enc [d, F], b_enc [F], W_dec [F, d] and others, which stay. float32.

    Returns:
        The same names. Rows of norm 0 stay as they are.
    """
    norms = tensors["W_dec"].norm(dim=1)
    norms = torch.where(norms > 0, norms, 1.0)
    return tensors | {
        "W_enc": tensors["W_enc"] * norms,
        "b_enc": tensors["b_enc"] * norms,
        "W_dec": tensors["W_dec"] / norms[:, None],
    }
