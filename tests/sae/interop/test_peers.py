"""Against the peers' own code as it is installed now: both ways. Needs SAMEDREAM_PEERS, a Python that has them."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.gradients import Parameters
from samedream.sae.interop import open_dictionary
from samedream.sae.scaling import Scaling

HERE = Path(__file__).parent
PEERS = os.environ.get("SAMEDREAM_PEERS", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PEERS, reason='no Python with the peers: run "make peers" and set SAMEDREAM_PEERS to its Python'
    ),
]


def peer(script, *arguments):
    """Run a script of this directory with the peers' Python; nothing of this project is on its path."""
    environment = {**os.environ, "PYTHONPATH": "", "WANDB_MODE": "disabled", "SPARSIFY_DISABLE_TRITON": "1"}
    done = subprocess.run(
        [PEERS, HERE / script, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def trained(architecture, d=32, features=96):
    """What training leaves, folded: hidden states far from centred, at a scale that is not 1."""
    generator = torch.Generator().manual_seed(3)
    decoder = torch.nn.functional.normalize(torch.randn(features, d, generator=generator), dim=1)
    encoder = decoder + 0.1 * torch.randn(features, d, generator=generator)
    biases = (0.1 * torch.randn(features, generator=generator), 0.1 * torch.randn(d, generator=generator))
    sae = SparseAutoencoder.folded(
        Parameters(encoder, biases[0], decoder, biases[1]), Scaling(torch.linspace(-4, 6, d), 0.25),
        threshold=1.5 if architecture == "jumprelu" else None, k=8, metadata={"model_name": "tiny", "hook_name": "h"},
    )  # fmt: skip
    return sae, 4 * torch.randn(64, d, generator=generator) + torch.linspace(-4, 6, d)


def test_the_peers_dictionaries_open_here_and_open_in_saelens_once_saved_here(tmp_path):
    peer("write_fixtures.py", tmp_path / "written")
    written = sorted(path.parent for path in (tmp_path / "written").rglob("expected.safetensors"))
    assert len(written) == 20
    for number, directory in enumerate(written):
        expected = load_file(directory / "expected.safetensors")
        sae = open_dictionary(directory)
        close(sae.encode(expected["rows"]), expected["features"])
        close(sae.decode(expected["features"]), expected["reconstruction"])
        sae.save(tmp_path / "saved" / str(number))
        save_file({"rows": expected["rows"]}, tmp_path / "saved" / str(number) / "rows.safetensors")
    peer("read_in_saelens.py", *(tmp_path / "saved" / str(number) for number in range(len(written))))
    for number, directory in enumerate(written):
        expected = load_file(directory / "expected.safetensors")
        found = load_file(tmp_path / "saved" / str(number) / "found.safetensors")
        close(found["features"], expected["features"])
        close(found["reconstruction"], expected["reconstruction"])


def test_what_is_trained_here_opens_in_saelens_and_does_the_same(tmp_path):
    saes = {}
    for architecture in ("jumprelu", "topk"):
        saes[architecture], rows = trained(architecture)
        saes[architecture].save(tmp_path / architecture)
        save_file({"rows": rows}, tmp_path / architecture / "rows.safetensors")
    peer("read_in_saelens.py", *(tmp_path / architecture for architecture in saes))
    for architecture, sae in saes.items():
        rows = load_file(tmp_path / architecture / "rows.safetensors")["rows"]
        found = load_file(tmp_path / architecture / "found.safetensors")
        features = sae.encode(rows)
        assert 0 < int(features.count_nonzero()) < features.numel()
        close(found["features"], features)
        close(found["reconstruction"], sae.decode(features))
        again = open_dictionary(tmp_path / architecture / "saved_by_saelens")  # there and back
        assert again.metadata["model_name"] == "tiny"
        assert torch.equal(again.encode(rows), features)
