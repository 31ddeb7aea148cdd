"""Gemma Scope: `params.npz` (Lieberum et al. 2024, arXiv:2408.05147), or safetensors of the same tensors.

A JumpReLU on the hidden state itself: pre = x W_enc + b_enc, f = relu(pre) where pre > threshold, x' = f W_dec + b_dec.
"""

import re
from pathlib import Path
from typing import Any

from samedream.errors import CorruptArtifactError
from samedream.sae.interop.tensors import AGAIN, fitting, read_json, read_npz, read_safetensors
from samedream.sae.interop.weights import Weights

CONFIG = "config.json"
NPZ = "params.npz"
SAFETENSORS = "params.safetensors"


def read(path: Path) -> Weights:
    """Read a dictionary.

    Args:
        path: The file of tensors, .npz or .safetensors. A `config.json` beside it (Gemma Scope 2) is read too.

    Raises:
        CorruptArtifactError: A file cannot be read, its tensors do not fit, or it is a transcoder.
    """
    found = read_npz(path) if path.suffix == ".npz" else read_safetensors(path)
    named = {re.sub("^w_", "W_", name): tensor for name, tensor in found.items()}
    metadata = _metadata(path)
    if "W_enc" not in named or named["W_enc"].ndim != 2 or not named["W_enc"].numel():
        shape = list(named["W_enc"].shape) if "W_enc" in named else "missing"
        raise CorruptArtifactError(f"{path}: W_enc is {shape}, expected [width of the model, features]; {AGAIN}")
    d_in, d_sae = named["W_enc"].shape
    shapes = {
        "W_enc": (d_in, d_sae),
        "b_enc": (d_sae,),
        "W_dec": (d_sae, d_in),
        "b_dec": (d_in,),
        "threshold": (d_sae,),
    }
    return Weights("jumprelu", fitting(path, named, shapes), apply_b_dec_to_input=False, metadata=metadata)


def _metadata(path: Path) -> dict[str, Any]:
    """From `config.json`, or else the layer from the directories' names (layer_20/width_16k/average_l0_71)."""
    source = path.with_name(CONFIG)
    if source.is_file():
        config = read_json(source)
        entry, leave = config.get("hf_hook_point_in"), config.get("hf_hook_point_out")
        if config.get("architecture", "jump_relu") != "jump_relu" or leave not in (None, entry):
            raise CorruptArtifactError(
                f"{source}: the architecture is {config.get('architecture')!r} from {entry} to {leave}, this samedream "
                f"reads jump_relu autoencoders, which give back what they read"
            )
        return {"model_name": config.get("model_name"), "hook_name": entry}
    layer = re.search(r"layer_\d+", "/".join(path.parts[-4:-1]))
    return {"hook_name": layer[0]} if layer else {}
