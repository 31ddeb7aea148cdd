"""Open dictionaries in SAELens, encode and decode the rows beside them, and let SAELens save them again.

Run with a Python that has SAELens: `read_in_saelens.py DIRECTORY …`. Each DIRECTORY holds a dictionary and
`rows.safetensors`; `found.safetensors` (features, reconstruction) and `saved_by_saelens/` are written there.
"""

import sys
from pathlib import Path

import torch
from sae_lens import SAE
from safetensors.torch import load_file, save_file

for directory in map(Path, sys.argv[1:]):
    sae = SAE.load_from_disk(directory)
    rows = load_file(directory / "rows.safetensors")["rows"]
    with torch.no_grad():
        features = sae.encode(rows)
        found = {"features": features, "reconstruction": sae.decode(features)}
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, directory / "found.safetensors")
    sae.save_model(directory / "saved_by_saelens")
