"""sparsify (eai-sparsify): `cfg.json` and `sae.safetensors`; `k` largest of relu((x - b_dec) W_enc + b_enc)."""

import re
from pathlib import Path
from typing import Any

from samedream.errors import CorruptArtifactError
from samedream.sae.interop.tensors import AGAIN, fitting, read_json, read_safetensors, whole
from samedream.sae.interop.weights import Weights

CONFIG = "cfg.json"
WEIGHTS = "sae.safetensors"
# key → (the value that is read, what another one means)
_PLAIN: dict[str, tuple[Any, str]] = {
    "activation": ("topk", "groups of features compete"),
    "skip_connection": (False, "the input also goes straight to the output"),
    "transcode": (False, "it predicts the output of a layer from its input"),
    "signed": (False, "features may be negative"),
}


def read(path: Path) -> Weights:
    """Read a sparse coder of one hookpoint.

    Args:
        path: Its `sae.safetensors`; `cfg.json` lies beside it.

    Raises:
        MissingArtifactError: A file is missing.
        CorruptArtifactError: A file cannot be read, its tensors do not fit, or it is no TopK autoencoder.
    """
    source = path.with_name(CONFIG)
    config = read_json(source)
    for key, (plain, meaning) in _PLAIN.items():
        if config.get(key, plain) != plain:
            raise CorruptArtifactError(
                f"{source}: {key} is {config[key]!r} ({meaning}), this samedream reads TopK autoencoders only "
                f"({key} {plain!r})"
            )
    d_in, k = whole(config, "d_in", source), whole(config, "k", source)
    d_sae = d_in * whole(config, "expansion_factor", source)
    if config.get("num_latents"):  # 0 leaves it to the expansion factor
        d_sae = whole(config, "num_latents", source)
    if k > d_sae:
        raise CorruptArtifactError(f"{source}: k is {k}, expected at most the {d_sae} features; {AGAIN}")
    shapes = {"encoder.weight": (d_sae, d_in), "encoder.bias": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    tensors = fitting(path, read_safetensors(path), shapes)
    return Weights(
        "topk",
        {
            "W_enc": tensors["encoder.weight"].T.contiguous(),
            "b_enc": tensors["encoder.bias"],
            "W_dec": tensors["W_dec"],
            "b_dec": tensors["b_dec"],
        },
        k=k,
        metadata=_metadata(path.parent),
    )


def _metadata(directory: Path) -> dict[str, Any]:
    """A run's directory is <run>/<hookpoint>[/seed<n>], with the model's name in <run>/config.json."""
    hookpoint = directory.parent if re.fullmatch(r"seed\d+", directory.name) else directory
    metadata: dict[str, Any] = {"hook_name": hookpoint.name}
    run = hookpoint.parent / "config.json"
    if run.is_file():
        metadata["model_name"] = read_json(run).get("model")
    return metadata
