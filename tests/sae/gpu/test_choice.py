"""Fixed shapes: choice, order by feature, AuxK's room, readings."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.sae.gpu.auxk import aux_part, room
from samedream.sae.gpu.choice import by_feature, choose
from samedream.sae.gpu.readings import Readings
from samedream.sae.gradients import Parameters, aux_gradients
from samedream.sae.selection import largest_overall, largest_per_row

VALUES = [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]


@given(st.lists(st.lists(st.sampled_from(VALUES), min_size=9, max_size=9), min_size=1, max_size=6), st.integers(1, 8))
@settings(deadline=None)
def test_what_is_chosen_is_as_large_as_in_the_plain_path(values, k):
    pre = torch.tensor(values)
    for rule, plain in (("batch", largest_overall(pre, k * len(pre))), ("row", largest_per_row(pre, k))):
        entries = choose(pre, rule, k, nested=(2, 9))
        assert len(entries.values) == k * len(pre)
        real = entries.values > 0
        assert torch.equal(entries.values[real], pre[entries.rows.long(), entries.features.long()][real])
        # equal values at the border may be others: their number and sizes are the same
        assert sorted(entries.values[real].tolist()) == sorted(pre.view(-1)[torch.from_numpy(plain)].tolist())
        places = entries.rows * 9 + entries.features
        assert bool((places.diff() > 0).all())
        for row, (start, middle, end) in enumerate(entries.bounds.tolist()):
            assert entries.rows[start:end].tolist() == [row] * (end - start)
            assert bool((entries.features[start:middle] < 2).all()) and bool((entries.features[middle:end] >= 2).all())
        assert entries.bounds[:, -1].max() == k * len(pre)


def test_entries_by_feature():
    pre = torch.tensor([[3.0, -1.0, 2.0], [1.0, -2.0, 4.0], [-1.0, -2.0, 5.0]])
    entries = choose(pre, "row", 2, nested=(3,))
    layout = by_feature(entries, 3)
    # entries are (0: 3, 2: 2), (0: 1, 2: 4), (0: 0, 2: 5): feature 0 has entries 0 and 2, feature 2 has 1, 3 and 5
    assert entries.features.tolist() == [0, 2, 0, 2, 0, 2]
    assert entries.values.tolist() == [3.0, 2.0, 1.0, 4.0, 0.0, 5.0]
    assert layout.order.tolist() == [0, 2, 1, 3, 5, 4]
    assert layout.begins.tolist() == [0, 2, 2, 5]
    assert layout.schedule.tolist() == [2, 0, 1]
    assert layout.fired.tolist() == [True, False, True]


def test_a_value_that_is_no_number_is_kept():
    pre = torch.tensor([[1.0, float("nan"), 0.5]])
    for rule in ("row", "batch"):
        assert bool(choose(pre, rule, 1, nested=(3,)).values.isnan().all())


def test_room_is_the_next_power_of_two():
    assert [room(dead, 100) for dead in (0, 1, 2, 3, 64, 65, 100)] == [0, 1, 2, 4, 64, 100, 100]


@pytest.mark.parametrize(("dead", "space"), [([3], 1), ([3, 7, 11], 4), ([3, 7, 11, 12, 13], 8)])
def test_aux_is_that_of_the_plain_path_whatever_the_room(dead, space):
    generator = torch.Generator().manual_seed(1)
    weights = Parameters(
        torch.randn(16, 5, generator=generator),
        torch.zeros(16),
        torch.randn(16, 5, generator=generator),
        torch.zeros(5),
    )
    rows, residual = torch.randn(2, 30, 5, generator=generator)
    pre = rows @ weights.encoder.T
    expected = aux_gradients(weights, rows, pre=pre[:, dead], residual=residual, dead=torch.tensor(dead), aux_k=2)
    mask = torch.zeros(16, dtype=torch.bool)
    mask[dead] = True
    found = aux_part(weights, rows, pre=pre, residual=residual, dead=mask, space=space, aux_k=2)
    assert found.place.tolist() == [dead.index(f) if f in dead else -1 for f in range(16)]
    places = found.place[dead].long()
    torch.testing.assert_close(found.loss, torch.tensor(expected.loss))
    torch.testing.assert_close(found.gradients.encoder[places], expected.encoder)
    torch.testing.assert_close(found.gradients.encoder_bias[places], expected.encoder_bias)
    torch.testing.assert_close(found.gradients.decoder[places], expected.decoder)


def test_too_little_room_takes_the_first_and_nothing_left_gives_nothing():
    weights = Parameters(torch.ones(4, 2), torch.zeros(4), torch.ones(4, 2), torch.zeros(2))
    rows, dead = torch.ones(3, 2), torch.tensor([False, True, True, True])
    settings = {"pre": rows @ weights.encoder.T, "dead": dead, "space": 2, "aux_k": 9}
    found = aux_part(weights, rows, residual=torch.zeros(3, 2), **settings)
    assert found.place.tolist() == [-1, 0, 1, -1]
    assert found.loss == 0.0
    assert not found.gradients.encoder.any() and not found.gradients.decoder.any()


def test_readings_are_those_of_some_steps_before():
    readings = Readings(1, torch.device("cpu"), lag=3)
    assert [readings.exchange(step, torch.tensor([float(step)]))[0] for step in range(6)] == [0, 0, 0, 0, 1, 2]
    again = Readings(1, torch.device("cpu"), lag=3)
    again.restore(readings.state())
    assert again.exchange(6, torch.tensor([6.0])) == [3.0]
