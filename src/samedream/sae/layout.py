"""The directory layout of SAELens 6: `cfg.json` and `sae_weights.safetensors`. Nothing else is read, pickle never."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
# The release whose reader these files were checked against; below "6.0.0" SAELens would rewrite the configuration.
SAE_LENS_VERSION = "6.54.12"
_PLAIN = {"normalize_activations": "none", "reshape_activations": "none", "rescale_acts_by_decoder_norm": False}


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


def read(directory: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read and check both files.

    Returns:
        The configuration and the weights, float32.

    Raises:
        MissingArtifactError: A file is missing: this is no dictionary.
        CorruptArtifactError: A file cannot be read, or its tensors do not fit the configuration.
    """
    for name in (CONFIG, WEIGHTS):
        if not (directory / name).is_file():
            raise MissingArtifactError(
                f"{directory} holds no dictionary: there is no {name}. Expected the layout of SAELens 6 "
                f"({CONFIG} and {WEIGHTS}); pickled weights (.pt) are not opened"
            )
    config = _read_config(directory / CONFIG)
    try:
        with safe_open(directory / WEIGHTS, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise CorruptArtifactError(f"{directory / WEIGHTS} cannot be read ({error}); {_again(directory)}") from error
    _check_tensors(directory, config, tensors)
    return config, {name: tensor.float() for name, tensor in tensors.items()}


def _again(directory: Path) -> str:
    return f"delete {directory} and rerun the sae stage, or copy the dictionary again"


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise CorruptArtifactError(f"{path} is not JSON ({error}); {_again(path.parent)}") from error
    if not isinstance(config, dict):
        raise CorruptArtifactError(f"{path} holds a {type(config).__name__}, expected an object; {_again(path.parent)}")
    for key in ("architecture", "d_in", "d_sae"):
        if key not in config:
            raise CorruptArtifactError(f"{path} has no key {key!r}; {_again(path.parent)}")
    for key in ("d_in", "d_sae", *(["k"] if config["architecture"] == "topk" else [])):
        value = config.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CorruptArtifactError(f"{path}: {key} is {value!r}, expected a whole number; {_again(path.parent)}")
    if config["architecture"] not in ("jumprelu", "topk"):
        raise CorruptArtifactError(
            f"{path}: the architecture is {config['architecture']!r}, this samedream reads jumprelu and topk"
        )
    for key, plain in _PLAIN.items():
        if config.get(key, plain) != plain:
            raise CorruptArtifactError(
                f"{path}: {key} is {config[key]!r}, this samedream reads {plain!r}; save the dictionary folded "
                f"(save_inference_model in SAELens)"
            )
    return config


def _check_tensors(directory: Path, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    path, d_in, d_sae = directory / WEIGHTS, config["d_in"], config["d_sae"]
    expected = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_enc": (d_sae,), "b_dec": (d_in,)}
    if config["architecture"] == "jumprelu":
        expected["threshold"] = (d_sae,)
    if tensors.keys() != expected.keys():
        raise CorruptArtifactError(
            f"{path} has the tensors {', '.join(sorted(tensors))}; expected {', '.join(sorted(expected))}; "
            f"{_again(directory)}"
        )
    for name, shape in expected.items():
        if tuple(tensors[name].shape) != shape:
            raise CorruptArtifactError(
                f"{path}: {name} has shape {list(tensors[name].shape)}, expected {list(shape)} from {CONFIG}; "
                f"{_again(directory)}"
            )
        if not bool(tensors[name].isfinite().all()):
            raise CorruptArtifactError(f"{path}: {name} has NaN or infinite values; {_again(directory)}")
