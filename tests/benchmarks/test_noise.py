"""The noisy copy of a model: matrices move by the share asked for, vectors and the given directory stay."""

import pytest
import torch
from benchmarks.noise import KEPT, noisy_copy
from safetensors.torch import load_file, save_file


@pytest.fixture
def model(tmp_path):
    for name in KEPT:
        (tmp_path / name).write_text("{}")
    random = torch.Generator().manual_seed(1)
    tensors = {"w": 4 * torch.randn(200, 300, generator=random), "norm": torch.ones(7)}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path, tensors


def test_matrices_move_by_a_share_of_their_own_deviation_and_vectors_do_not(model):
    directory, tensors = model
    copied = load_file(noisy_copy(directory, directory / "copy", 0.1, seed=0) / "model.safetensors")
    assert float((copied["w"] - tensors["w"]).std()) == pytest.approx(0.4, rel=0.02)
    torch.testing.assert_close(copied["norm"], tensors["norm"], rtol=0, atol=0)
    assert sorted(path.name for path in (directory / "copy").iterdir()) == sorted([*KEPT, "model.safetensors"])


def test_the_same_seed_gives_the_same_copy_and_the_model_itself_is_left_alone(model):
    directory, tensors = model
    one, again = (
        load_file(noisy_copy(directory, directory / name, 0.1, seed=3) / "model.safetensors") for name in "ab"
    )
    torch.testing.assert_close(one["w"], again["w"], rtol=0, atol=0)
    torch.testing.assert_close(load_file(directory / "model.safetensors")["w"], tensors["w"], rtol=0, atol=0)
