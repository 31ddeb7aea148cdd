"""Dictionaries from elsewhere: every format becomes one of the two kinds this project has, "jumprelu" or "topk".

`open_dictionary` recognises a directory by its files:

| files | from | kinds |
|---|---|---|
| `cfg.json`, `sae_weights.safetensors` | SAELens, samedream | standard, jumprelu, topk, gated, batchtopk checkpoints |
| `config.json`, `ae.pt` | dictionary_learning | AutoEncoder, TopK, BatchTopK, Matryoshka, JumpReLU, Gated |
| `cfg.json`, `sae.safetensors` | sparsify | topk |
| `params.npz`, or any .npz or .safetensors that is named | Gemma Scope | JumpReLU |

One module reads one format and returns `Weights`; what they share (opening files, checking tensors, the algebra that
turns one kind into another) is in `tensors` and `weights`. A ReLU is a JumpReLU with threshold 0, a gate is a
threshold, and norms of the decoder go into the encoder. Nothing that would run code is opened. What is saved is always
the layout of SAELens 6 (`saelens.write`), which SAELens opens as it is.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samedream.sae.autoencoder import SparseAutoencoder


def open_dictionary(path: Path | str) -> "SparseAutoencoder":
    """Open a dictionary of any of the formats above.

    Args:
        path: Its directory, or one of its files. "~" is the home directory.

    Returns:
        The dictionary, float32: hidden states as the model gives them go in, and come out.

    Raises:
        MissingArtifactError: There is nothing that can be read.
        CorruptArtifactError: A file is damaged, its tensors do not fit, or it is of a kind that is not read.
        UnsafeWeightsError: A .pt file holds more than tensors: opening it would run its code.
    """
    from samedream.sae.autoencoder import SparseAutoencoder  # which reads through this package itself
    from samedream.sae.interop.formats import find

    return SparseAutoencoder.of(find(Path(path)).weights())
