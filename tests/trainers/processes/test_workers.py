"""Processes of a test: each test has a group of its own, and one that fails leaves none waiting."""

from __future__ import annotations

import os

import pytest
import torch
import torch.distributed as dist

from tests.trainers.processes.workers import run_workers
from trainers.processes.distributed import Worker


def told(worker: Worker, number: int) -> tuple[int, int, int, float]:
    total = torch.tensor([float(worker.rank + number)])
    dist.all_reduce(total)
    return os.getpid(), worker.rank, worker.count, float(total)


def fails(worker: Worker) -> None:
    if worker.rank == 1:
        raise ValueError("out of order")
    dist.barrier()


@pytest.mark.slow
def test_processes_stay_for_the_next_test_and_its_group_is_its_own() -> None:
    first, second = run_workers(told, 2, 10), run_workers(told, 2, 20)
    assert [each[0] for each in first] == [each[0] for each in second]
    assert [each[1:] for each in first] == [(0, 2, 21.0), (1, 2, 21.0)]
    assert [each[1:] for each in second] == [(0, 2, 41.0), (1, 2, 41.0)]


@pytest.mark.slow
def test_one_that_fails_ends_the_others_and_the_next_test_has_new_ones() -> None:
    (before, *_), _ = run_workers(told, 2, 0)
    with pytest.raises(ValueError, match="out of order"):
        run_workers(fails, 2)
    (after, *_), _ = run_workers(told, 2, 0)
    assert after != before
