"""The order of rows, from memory and from disk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from samedream.sae.config import SAEConfig
from samedream.sae.feed import Feed, epoch_orders
from samedream.sae.plan import make_plan
from samedream.sae.scaling import Scaling

ROWS = np.arange(100, 140)


class Disk:
    """Rows whose only value is their number; remembers what was read."""

    def __init__(self, rows):
        self.shape, self.asked = (rows, 1), []

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self.read(rows).float()

    def read(self, rows):
        self.asked.append(rows.tolist())
        return rows[:, None].double()


def plan_of(**settings):
    return make_plan(SAEConfig(k=2, **settings), 40, 2)


def plain():
    return Scaling(torch.zeros(1), 1.0)


def read(vectors, rows, plan, first=0, **settings):
    feed = Feed(vectors, rows, scaling=plain(), seed=7, **settings)
    return [batch.squeeze(1).int().tolist() for batch in feed.batches(plan, first)]


def test_every_epoch_reads_every_row_once_in_a_new_order():
    batches = read(torch.arange(200.0)[:, None], ROWS, plan_of(batch_rows=10, epochs=3))
    epochs = [sum(batches[i : i + 4], []) for i in (0, 4, 8)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(100, 140))] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_rows_left_over_wait_for_another_epoch():
    batches = read(torch.arange(200.0)[:, None], ROWS, plan_of(batch_rows=15, steps=4))
    assert [len(batch) for batch in batches] == [15] * 4
    assert len(set(sum(batches[:2], []))) == 30  # of one epoch


@pytest.mark.parametrize("first", [1, 3, 4, 7, 11])
def test_a_run_is_taken_up_anywhere(first):
    plan = plan_of(batch_rows=10, epochs=3)
    vectors = torch.arange(200.0)[:, None]
    assert read(vectors, ROWS, plan, first) == read(vectors, ROWS, plan)[first:]


def test_what_fits_into_the_buffer_is_read_once_and_as_from_memory():
    plan, disk = plan_of(batch_rows=10, epochs=3), Disk(200)
    assert read(disk, ROWS, plan) == read(torch.arange(200.0)[:, None], ROWS, plan)
    assert disk.asked == [list(range(100, 140))]


def test_more_than_the_buffer_is_read_in_long_pieces():
    rows, disk = np.arange(0, 6000), Disk(6000)
    plan = plan_of(batch_rows=40, steps=149)
    batches = read(disk, rows, plan, buffer_rows=2048)
    seen = sum(batches, [])
    assert len(set(seen)) == len(seen)  # 149 * 40: each piece drops what is left over
    assert max(map(len, disk.asked)) == 2048
    starts = [row for asked in disk.asked[:3] for row in asked if row % 512 == 0]
    assert sorted(starts) == list(range(0, 6000, 512))
    assert read(Disk(6000), rows, plan, 60, buffer_rows=2048) == batches[60:]


def test_pieces_hold_whole_chunks_in_random_order():
    pieces = list(epoch_orders(np.arange(5000), 0, seed=1, buffer_rows=1024))
    assert sorted(np.concatenate(pieces)) == list(range(5000))
    assert [len(set(piece // 512)) for piece in pieces] == [2, 2, 2, 2, 2]
    assert not np.array_equal(np.sort(pieces[0]), np.arange(1024))


@pytest.mark.parametrize("vectors", [torch.arange(2000.0)[:, None], Disk(2000)])
def test_a_batch_takes_the_place_of_the_last_one(vectors):
    feed, seen = Feed(vectors, np.arange(2000), scaling=Scaling(torch.tensor([1.0]), 2.0), seed=0), []
    places = set()
    for batch in feed.batches(make_plan(SAEConfig(k=2, batch_rows=700, steps=2), 2000, 2)):  # more than one piece each
        places.add(batch.data_ptr())
        seen += batch.squeeze(1).tolist()
    order = next(epoch_orders(np.arange(2000), 0, seed=0, buffer_rows=None))
    assert seen == [2 * (row - 1.0) for row in order[:1400].tolist()]
    assert len(places) == 1


def test_batches_are_centred_and_scaled():
    feed = Feed(torch.arange(40.0)[:, None], np.arange(40), scaling=Scaling(torch.tensor([10.0]), 2.0), seed=0)
    batch = next(feed.batches(plan_of(batch_rows=40, steps=1)))
    assert sorted(batch.squeeze(1).tolist()) == [2 * (n - 10.0) for n in range(40)]


def test_a_batch_larger_than_the_buffer_makes_the_buffer_larger():
    rows, disk = np.arange(0, 6000), Disk(6000)  # eleven chunks and a shorter one
    for size in (3000, 5800):
        batches = read(disk, rows, replace(plan_of(batch_rows=40), batch_rows=size, steps=4), buffer_rows=2048)
        assert [len(set(batch)) for batch in batches] == [size] * 4
