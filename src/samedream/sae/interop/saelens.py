"""SAELens: `cfg.json` and `sae_weights.safetensors`. Its layout of release 6 is this project's own.

Reads release 6, and what 3 to 5 wrote where it is clear what they meant (SAELens' own `handle_pre_6_0_config` is the
model for that). Encoding there: act((x - b_dec) W_enc + b_enc), b_dec left out where `apply_b_dec_to_input` is false.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from samedream import artifacts
from samedream.errors import CorruptArtifactError
from samedream.sae.interop.tensors import AGAIN, fitting, flag, mapping, read_json, read_safetensors, whole
from samedream.sae.interop.weights import Tensors, Weights, constant_threshold, unit_decoder, without_gate

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
# The release whose reader these files are checked against; below "6.0.0" SAELens would rewrite the configuration.
VERSION = "6.54.12"

_BIASES = {
    "standard": ("b_enc",),
    "jumprelu": ("b_enc", "threshold"),
    "topk": ("b_enc",),
    "gated": ("b_gate", "b_mag", "r_mag"),
    "batchtopk": ("b_enc",),
    "matryoshka_batchtopk": ("b_enc",),
}
_UNFOLDED = (
    "its weights are for hidden states that were transformed by numbers this directory does not hold; save it folded "
    "(save_inference_model in SAELens) and give that directory"
)
_BY_ROW = (
    "every hidden state is scaled by its own length, which fixed weights cannot do; such dictionaries are not read"
)
_NORMALISATIONS = {
    "expected_average_only_in": _UNFOLDED,
    "covariance_whitening": _UNFOLDED,
    "layer_norm": _BY_ROW,
    "constant_norm_rescale": _BY_ROW,
}
_OLD_NAMES = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
_OLD_METADATA = (
    "model_name", "hook_name", "hook_head_index", "context_size", "prepend_bos", "dataset_path",
    "sae_lens_training_version",
)  # fmt: skip


def write(directory: Path, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> list[Path]:
    """Write both files atomically.

    Args:
        directory: Made if needed.
        config: SAELens' configuration.
        tensors: float32 weights.

    Returns:
        The files written.
    """
    artifacts.write_json(directory / CONFIG, dict(config))
    with artifacts.atomic_path(directory / WEIGHTS) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
    return [directory / CONFIG, directory / WEIGHTS]


def read(path: Path) -> Weights:
    """Read a dictionary.

    Args:
        path: Its `sae_weights.safetensors`; `cfg.json` lies beside it.

    Raises:
        MissingArtifactError: A file is missing: this is no dictionary.
        CorruptArtifactError: A file cannot be read, its tensors do not fit, or it is of a kind that is not read.
    """
    source = path.with_name(CONFIG)
    config = _upgraded(read_json(source), source)
    kind = config.get("architecture")
    if kind is None:
        raise CorruptArtifactError(f"{source} has no key 'architecture'; {AGAIN}")
    if not isinstance(kind, str) or kind not in _BIASES:
        raise CorruptArtifactError(f"{source}: the architecture is {kind!r}, this samedream reads {', '.join(_BIASES)}")
    d_in, d_sae = whole(config, "d_in", source), whole(config, "d_sae", source)
    k = whole(config, "k", source) if kind == "topk" else None
    if k is not None and k > d_sae:
        raise CorruptArtifactError(f"{source}: k is {k}, expected at most the {d_sae} features; {AGAIN}")
    _check_plain(config, source)
    shapes: dict[str, tuple[int, ...]] = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    shapes |= {name: (d_sae,) for name in _BIASES[kind]}
    if kind.endswith("batchtopk"):
        shapes["topk_threshold"] = ()
    tensors = fitting(path, _without_unit_scaling(path, read_safetensors(path)), shapes)
    return Weights(
        "topk" if kind == "topk" else "jumprelu",
        _converted(kind, tensors, rescaled=flag(config, "rescale_acts_by_decoder_norm", source, default=False)),
        k=k,
        apply_b_dec_to_input=flag(config, "apply_b_dec_to_input", source, default=True),
        metadata=mapping(config, "metadata", source),
    )


def _converted(kind: str, tensors: Tensors, *, rescaled: bool) -> Tensors:
    """The tensors of a "jumprelu" or a "topk"."""
    if kind == "gated":
        return without_gate(tensors)
    if kind == "standard":
        return constant_threshold(tensors, 0.0)
    if rescaled and kind != "jumprelu":  # features are chosen, and activations given, times the decoder's norms
        tensors = unit_decoder(tensors)
    if "topk_threshold" in tensors:
        threshold = tensors.pop("topk_threshold")
        return constant_threshold(tensors, float(threshold))
    return tensors


def _check_plain(config: Mapping[str, Any], source: Path) -> None:
    found = config.get("normalize_activations") or "none"
    if found != "none":
        reason = _NORMALISATIONS.get(str(found), "this samedream reads 'none'")
        raise CorruptArtifactError(f"{source}: normalize_activations is {found!r}: {reason}")
    if (config.get("reshape_activations") or "none") != "none":
        raise CorruptArtifactError(
            f"{source}: reshape_activations is {config['reshape_activations']!r}: it reads the outputs of attention "
            f"heads, samedream's hidden states are the residual stream's"
        )
    if config.get("finetuning_scaling_factor"):
        raise CorruptArtifactError(
            f"{source}: finetuning_scaling_factor is true: activations are scaled after encoding, which is not read"
        )


def _without_unit_scaling(path: Path, tensors: Tensors) -> Tensors:
    """Leave out a `scaling_factor` that does nothing: some releases wrote one, all 1."""
    scaling = tensors.get("scaling_factor")
    if scaling is None or not bool((scaling == 1).all()):
        return tensors
    return {name: tensor for name, tensor in tensors.items() if name != "scaling_factor"}


def _upgraded(config: dict[str, Any], source: Path) -> dict[str, Any]:
    """A configuration of a release before 6 in the words of 6; one of 6 as it is.

    Raises:
        CorruptArtifactError: It is not clear which kind of dictionary was meant.
    """
    metadata = mapping(config, "metadata", source)
    major = re.match(r"\d+", str(config.get("sae_lens_version") or metadata.get("sae_lens_version")))
    if major and int(major[0]) >= 6:
        return config
    new = {_OLD_NAMES.get(key, key): value for key, value in config.items()}
    activation = new.get("activation_fn") or "relu"
    architecture = new.setdefault("architecture", "standard")
    k = mapping(new, "activation_fn_kwargs", source).get("k", new.get("k"))
    if activation == "topk" and architecture in ("standard", "topk") and k is not None:
        new |= {"architecture": "topk", "k": k}
    elif activation != "relu":
        raise CorruptArtifactError(
            f"{source}: the activation is {activation!r} in the architecture {architecture!r}, this samedream reads "
            f"'relu', and 'topk' with a k; open it in SAELens and save it again (save_model)"
        )
    if isinstance(new.get("normalize_activations"), bool):
        new["normalize_activations"] = "expected_average_only_in" if new["normalize_activations"] else "none"
    if "hook_z" in str(new.get("hook_name")):
        new.setdefault("reshape_activations", "hook_z")
    return new | {"metadata": metadata or {key: new[key] for key in _OLD_METADATA if key in new}}
