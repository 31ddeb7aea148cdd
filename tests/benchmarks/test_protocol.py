"""What every trainer of the side-by-side benchmark is given, and how it is measured."""

import json
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from benchmarks.peers import protocol
from benchmarks.peers.protocol import Job, Rows, batches, measure

# Four rows around (1, 2): squared distances from the mean 1, 1, 4, 4 (10 in all; 2.5 a row).
TRAIN = np.array([[2, 2], [0, 2], [1, 4], [1, 0]], np.float32)
MEAN, SCALE = [1.0, 2.0], (2 / 2.5) ** 0.5


class FirstAxis:
    """Rebuilds the first dimension of centred rows only; feature 0 fires where it is positive, 1 where negative."""

    def __init__(self, job=None, rows=None):
        self.steps = []

    def step(self, number, rows):
        self.steps.append((number, rows.clone()))

    @contextmanager
    def inference(self):
        yield lambda rows: (
            rows * torch.tensor([1.0, 0.0]),
            torch.stack([rows[:, 0] > 0, rows[:, 0] < 0, rows[:, 0] > 9], 1),
        )


@pytest.fixture
def data(tmp_path):
    for name in ("train", "held_out"):
        np.save(tmp_path / f"{name}.f32.npy", TRAIN)
    (tmp_path / "data.json").write_text(json.dumps({"mean": MEAN, "scale": SCALE}))
    return str(tmp_path)


def job(data, **given):
    whole = {
        "mode": "quality", "trainer": "saelens", "setting": "centred", "features": 3, "batch": 2, "steps": 4, "seed": 7,
        "k": 1, "data": data, "out": f"{data}/out.json",
    }  # fmt: skip
    return Job(**{**whole, **given})


def test_centred_rows_have_mean_0_and_a_mean_squared_norm_of_d_and_the_way_back_is_exact(data):
    rows = Rows(data, "train", centred=True)
    taken = rows.take(slice(None))
    assert torch.allclose(taken.mean(0), torch.zeros(2), atol=1e-6)
    assert float(taken.square().sum(1).mean()) == pytest.approx(2)
    assert torch.allclose(rows.to_raw(taken), torch.from_numpy(TRAIN))
    assert torch.equal(Rows(data, "train", centred=False).take([1, 3]), torch.from_numpy(TRAIN[[1, 3]]))
    assert np.array_equal(rows.matrix, TRAIN)  # nothing was changed in place


def test_rows_read_from_the_file_are_those_held_in_memory(data):
    held, read = (Rows(data, "train", centred=True, held=choice) for choice in (True, False))
    for numbers in ([3, 0, 2], np.array([1]), slice(None), slice(1, 3)):
        assert torch.equal(read.take(numbers), held.take(numbers))


def test_every_epoch_is_a_permutation_and_the_order_depends_on_the_seed_alone(data):
    order = list(batches(5, job(data)))  # 5 rows, 2 a step: 2 steps an epoch, one row left out
    assert [len(chosen) for chosen in order] == [2, 2, 2, 2]
    for epoch in (order[:2], order[2:]):
        assert len({int(row) for chosen in epoch for row in chosen}) == 4
    assert all(np.array_equal(a, b) for a, b in zip(order, batches(5, job(data)), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(order, batches(5, job(data, seed=8)), strict=True))


@pytest.mark.parametrize("centred", [True, False])
def test_figures_are_those_worked_by_hand(data, centred):
    held_out = Rows(data, "held_out", centred=centred)
    found = measure(FirstAxis(), held_out, None)
    if centred:
        # Left over: the second dimension, 0 + 0 + 4 + 4 of 10. First dimension 1, -1, 0, 0: two fire in four rows.
        assert found == {"variance_explained": pytest.approx(0.2), "l0": 0.5, "dead_held_out": pytest.approx(1 / 3)}
    else:
        # Raw rows: 2² + 2² + 4² + 0 = 24 left over of 10. First dimension 2, 0, 1, 1: feature 0 fires in three rows.
        assert found == {"variance_explained": pytest.approx(-1.4), "l0": 0.75, "dead_held_out": pytest.approx(2 / 3)}


def test_a_feature_found_on_other_rows_is_not_dead(data, tmp_path):
    np.save(tmp_path / "train.f32.npy", np.array([[100, 0]], np.float32))  # far out: feature 2 fires as well
    others = Rows(data, "train", centred=True)
    found = measure(FirstAxis(), Rows(data, "held_out", centred=True), others)
    assert (found["dead_held_out"], found["dead_wide"]) == (pytest.approx(1 / 3), 0.0)


def test_a_quality_run_writes_its_curve(data, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["saelens", json.dumps({**vars(job(data)), "source": "abc"})])
    monkeypatch.setattr(protocol, "MOMENTS", (1, 3))
    protocol.run(FirstAxis, "torch")
    written = json.loads((protocol.Path(data) / "out.json").read_text())
    assert [moment["vectors"] for moment in written["curve"]] == [2, 6, 8]
    assert ["dead_wide" in moment for moment in written["curve"]] == [False, False, True]
    assert (written["trainer"], written["source"], written["version"]) == ("saelens", "abc", torch.__version__)
    assert not list(protocol.Path(data).glob("*.part"))
    assert "data" not in written and "out" not in written


def test_a_speed_run_times_the_steps_after_the_warm_up(data, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["saelens", json.dumps(vars(job(data, mode="speed", steps=30, seconds=60)))])
    protocol.run(FirstAxis, "torch")
    written = json.loads((protocol.Path(data) / "out.json").read_text())
    assert written["timed"] == 25
    assert written["seconds_per_step"] > 0


def test_a_memory_run_tells_what_was_there_before(data, monkeypatch):
    class Heavy(FirstAxis):
        def __init__(self, job, rows):
            super().__init__()
            self.block = np.ones(200_000_000 // 8)  # 200 MB, touched

        def parts(self):
            return {"weights": self.block.nbytes}

    monkeypatch.setattr(sys, "argv", ["saelens", json.dumps(vars(job(data, mode="memory")))])
    now = protocol.resident  # this process' peak may lie higher, in an earlier test
    monkeypatch.setattr(protocol, "resident", lambda: now("VmRSS"))
    protocol.run(Heavy, "torch")
    written = json.loads((protocol.Path(data) / "out.json").read_text())
    assert written["parts"] == {"weights": 200_000_000}
    assert 150e6 < written["peak_bytes"] - written["before_bytes"] < 300e6
