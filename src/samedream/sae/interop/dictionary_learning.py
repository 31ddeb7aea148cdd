"""dictionary_learning: `config.json` and `ae.pt`, a state dict of torch, opened for its tensors only.

All classes but JumpReLU (and the newer AutoEncoder) subtract the decoder's bias first. The factor by which training
scaled the hidden states is in the biases already.
"""

from pathlib import Path
from typing import Any

from samedream.errors import CorruptArtifactError
from samedream.sae.interop.tensors import AGAIN, fitting, read_json, read_pt, whole
from samedream.sae.interop.weights import Tensors, Weights, constant_threshold, unit_decoder, without_gate

CONFIG = "config.json"
WEIGHTS = "ae.pt"
_TOPK = "AutoEncoderTopK"
# class → its name of a tensor → ours; linear layers of torch keep their weights the other way round
_LINEAR = {"encoder.weight": "W_enc", "decoder.weight": "W_dec"}
_PLAIN = {name: name for name in ("W_enc", "b_enc", "W_dec", "b_dec", "threshold")}
_NAMES: dict[str, dict[str, str]] = {
    "AutoEncoder": _LINEAR | {"encoder.bias": "b_enc", "bias": "b_dec"},
    "AutoEncoderNew": _LINEAR | {"encoder.bias": "b_enc", "decoder.bias": "b_dec"},
    _TOPK: _LINEAR | {"encoder.bias": "b_enc", "b_dec": "b_dec", "threshold": "level", "k": "k"},
    "BatchTopKSAE": _LINEAR | {"encoder.bias": "b_enc", "b_dec": "b_dec", "threshold": "level", "k": "k"},
    "MatryoshkaBatchTopKSAE": _PLAIN | {"threshold": "level", "k": "k", "group_sizes": "groups"},
    "JumpReluAutoEncoder": _PLAIN,
    "GatedAutoEncoder": _LINEAR
    | {"decoder_bias": "b_dec", "gate_bias": "b_gate", "mag_bias": "b_mag", "r_mag": "r_mag"},
}


def read(path: Path) -> Weights:
    """Read a trainer's directory.

    Args:
        path: Its `ae.pt`; `config.json` lies beside it.

    Raises:
        MissingArtifactError: A file is missing.
        UnsafeWeightsError: `ae.pt` holds more than tensors.
        CorruptArtifactError: A file cannot be read, its tensors do not fit, or the class is not one that is read.
    """
    source = path.with_name(CONFIG)
    trainer = read_json(source).get("trainer")
    if not isinstance(trainer, dict):
        raise CorruptArtifactError(f'{source} has no "trainer" with the dictionary\'s settings; {AGAIN}')
    kind = trainer.get("dict_class")
    if not isinstance(kind, str) or kind not in _NAMES:
        raise CorruptArtifactError(f"{source}: dict_class is {kind!r}, this samedream reads {', '.join(_NAMES)}")
    tensors = _renamed(path, source, trainer)
    k = int(tensors.pop("k")) if "k" in tensors else None
    if kind == _TOPK and (k != trainer.get("k", k) or not 0 < int(k or 0) <= len(tensors["b_enc"])):
        raise CorruptArtifactError(
            f"{path}: k is {k}, expected the {trainer.get('k')} of {CONFIG} and at most the {len(tensors['b_enc'])} "
            f"features; {AGAIN}"
        )
    return Weights(
        "topk" if kind == _TOPK else "jumprelu",
        _converted(kind, tensors, path),
        k=k if kind == _TOPK else None,
        apply_b_dec_to_input=kind not in ("AutoEncoderNew", "JumpReluAutoEncoder"),
        metadata=_metadata(trainer),
    )


def _renamed(path: Path, source: Path, trainer: dict[str, Any]) -> Tensors:
    """The checked tensors under our names, the way round that ours are."""
    d_in, d_sae = whole(trainer, "activation_dim", source), whole(trainer, "dict_size", source)
    names, found = _NAMES[trainer["dict_class"]], read_pt(path)
    ours: dict[str, tuple[int, ...]] = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    ours |= {name: () for name in ("k", "level")}
    shapes = {name: ours.get(new, (d_sae,)) for name, new in names.items()}
    shapes |= {name: shapes[name][::-1] for name in _LINEAR if name in shapes}
    if "group_sizes" in found:  # one number for each group, however many
        shapes["group_sizes"] = tuple(found["group_sizes"].shape)
    tensors = fitting(path, found, shapes)
    return {
        new: tensors[name].T.contiguous() if name in _LINEAR else tensors[name]
        for name, new in names.items()
        if new != "groups"
    }


def _converted(kind: str, tensors: Tensors, path: Path) -> Tensors:
    """The tensors of a "jumprelu" or a "topk"."""
    level = tensors.pop("level", None)
    if kind == "GatedAutoEncoder":
        return without_gate(tensors)
    if kind == "AutoEncoder":  # its own reader gives the decoder unit norm, so that activations compare
        return constant_threshold(unit_decoder(tensors), 0.0)
    if kind == "AutoEncoderNew":
        return constant_threshold(tensors, 0.0)
    if kind in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE") and level is not None:
        if level < 0:
            raise CorruptArtifactError(
                f"{path}: threshold is {float(level):g}: it was never set, so every feature above 0 would be active. "
                f"Train longer than threshold_start_step (1,000 steps by default), or lower that"
            )
        return constant_threshold(tensors, float(level))
    return tensors


def _metadata(trainer: dict[str, Any]) -> dict[str, Any]:
    hook = trainer.get("submodule_name") or f"layer_{trainer.get('layer')}"
    return {"model_name": trainer.get("lm_name"), "hook_name": hook}
