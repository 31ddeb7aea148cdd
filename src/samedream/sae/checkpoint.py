"""A checkpoint: everything a training run's next step depends on, in one file that is whole or not there."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from samedream.artifacts import atomic_path, canonical_json
from samedream.errors import CorruptArtifactError, StaleArtifactError

CHECKPOINT = "checkpoint.safetensors"
SECONDS = 60.0  # between two checkpoints: what a killed run loses at most


def write_checkpoint(path: Path, state: dict[str, torch.Tensor], *, made_from: Any, history: Any) -> None:
    """Write atomically.

    Args:
        path: The file.
        state: `Trainer.state()`.
        made_from: Settings and data, as plain JSON values; a run of other ones cannot go on from here.
        history: Moments of the run so far, as plain JSON values.

    Raises:
        DiskFullError: The disk is full.
    """
    metadata = {"made_from": canonical_json(made_from).decode(), "history": canonical_json(history).decode()}
    with atomic_path(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, temporary, metadata=metadata)


def read_checkpoint(path: Path, *, made_from: Any) -> tuple[dict[str, torch.Tensor], Any] | None:
    """State and history, or None where there is no checkpoint.

    Raises:
        CorruptArtifactError: The file cannot be read.
        StaleArtifactError: It is of other settings or data.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            found = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            state = {name: file.get_tensor(name) for name in file.keys()}
            history = found["history"]
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CorruptArtifactError(
            f"{path} cannot be read ({error}); delete it and rerun: training starts from its first step"
        ) from error
    if canonical_json(found.get("made_from")) != canonical_json(made_from):
        raise StaleArtifactError(
            f"{path} is of a training run with other settings or other hidden states. Nothing is reused silently: "
            f"delete it to train anew, or go back to the settings it was begun with"
        )
    return state, history
