"""Shares of batches: a partition of the batches that one process would take, for any number of processes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainers.data.samples.batches import BatchShares


def shares(
    samples: int, batch_size: int, count: int, *, seed: int = 1, epoch: int = 0, first: int = 0
) -> list[list[list[int]]]:
    found = []
    for rank in range(count):
        sampler = BatchShares(samples, batch_size=batch_size, seed=seed, rank=rank, count=count)
        sampler.set_epoch(epoch, first=first)
        found.append(list(sampler))
        assert len(found[-1]) == len(sampler)
    return found


@given(samples=st.integers(1, 60), batch_size=st.integers(1, 20), count=st.integers(1, 20), seed=st.integers(0, 3))
def test_processes_partition_the_batches_of_one(samples: int, batch_size: int, count: int, seed: int) -> None:
    count = min(count, batch_size)
    (alone,) = shares(samples, batch_size, 1, seed=seed)
    together = shares(samples, batch_size, count, seed=seed)
    for number, batch in enumerate(alone):
        parts = [share[number] for share in together]
        assert sorted(index for part in parts for index in part) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(len(batch) == batch_size for batch in alone)
    if samples >= batch_size:
        seen = [index for batch in alone for index in batch]
        assert len(seen) == len(set(seen)) == samples // batch_size * batch_size
    else:
        assert len(alone) == 1
        assert set(alone[0]) == set(range(samples)), "a small set is repeated until it fills one batch"


@given(samples=st.integers(8, 60), first=st.integers(0, 2), count=st.integers(1, 4))
def test_an_epoch_taken_up_in_its_middle_has_the_same_rest(samples: int, first: int, count: int) -> None:
    first = min(first, samples // 8)
    whole, rest = shares(samples, 8, count), shares(samples, 8, count, first=first)
    assert rest == [share[first:] for share in whole]


def test_every_epoch_and_seed_has_its_own_order() -> None:
    orders = [shares(30, 5, 1, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    assert shares(30, 5, 1, seed=1, epoch=1) == orders[-1]
