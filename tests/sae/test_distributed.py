"""Several processes on one dictionary."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.sae.train_rank import STEPS, trained

from samedream.errors import TrainingError
from samedream.sae.distributed import Ranks, current_ranks
from samedream.sae.reference import TorchEngine


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes ended with, for each variant."""
    directory, script = tmp_path_factory.mktemp("together"), Path(__file__).parent / "train_rank.py"
    running = [
        subprocess.Popen([sys.executable, script, str(rank), "2", directory], stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return {
        name: [load_file(directory / f"{name}-{rank}.safetensors") for rank in range(2)]
        for name in ("topk", "batchtopk")
    }


def test_two_processes_end_where_one_on_the_whole_batch_does(together):
    first, second = together["topk"]
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone, losses = trained("topk", TorchEngine)
    for place, expected in enumerate(alone.weights.tensors()):
        torch.testing.assert_close(first[str(place)], expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(first["losses"], torch.tensor(losses), rtol=1e-5, atol=1e-6)
    assert torch.equal(first["last_fired"], alone.last_fired)
    assert len(losses) == STEPS and losses[-1] < losses[0]


def test_batchtopk_chooses_in_each_process_and_weights_stay_equal(together):
    first, second = together["batchtopk"]
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone, losses = trained("batchtopk", TorchEngine)
    assert not torch.allclose(first["0"], alone.weights.encoder, atol=1e-5)  # other choices
    assert float(first["losses"][-1]) == pytest.approx(losses[-1], rel=0.05)  # of the same quality


def test_shares_are_all_rows_once():
    batch = np.arange(12)
    assert [Ranks(rank, 3).share(batch).tolist() for rank in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_batch_that_cannot_be_divided():
    expected = "a batch of 1,024 rows for 3 processes: expected a multiple of 3. Set batch_rows = 1026"
    with pytest.raises(TrainingError, match=f"^{re.escape(expected)}$"):
        Ranks(0, 3).share(torch.zeros(1024, 1))


def test_one_process_is_alone():
    assert current_ranks() is None
