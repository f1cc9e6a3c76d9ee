"""Processes that meet at an address of loopback listen on no other."""

from __future__ import annotations

import multiprocessing
import os

import psutil
import pytest
import torch
import torch.distributed as dist

from trainers.processes.rendezvous import INTERFACES, meet, open_port

COUNT = 3


def join(rank: int, place: multiprocessing.Queue, found: multiprocessing.Queue) -> None:
    """One process of the group: what it listens on, and the sum of all ranks."""
    torch.set_num_threads(1)
    if rank == 0:
        port = open_port("127.0.0.1")
        for _ in range(COUNT - 1):
            place.put(port)
    else:
        port = place.get()
    meet("gloo", address="127.0.0.1", port=port, rank=rank, count=COUNT, seconds=60.0)
    total = torch.tensor([float(rank)])
    dist.all_reduce(total)
    listening = {entry.laddr.ip for entry in psutil.Process().net_connections("inet") if entry.status == psutil.CONN_LISTEN}
    found.put((rank, total.item(), listening, [os.environ[name] for name in INTERFACES]))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_the_processes_of_a_group_meet_on_loopback_alone():
    context = multiprocessing.get_context("spawn")
    place, found = context.Queue(), context.Queue()
    processes = [context.Process(target=join, args=(rank, place, found)) for rank in range(COUNT)]
    for process in processes:
        process.start()
    results = sorted(found.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * COUNT
    assert [total for _, total, _, _ in results] == [3.0] * COUNT
    assert {ip.removeprefix("::ffff:") for _, _, ips, _ in results for ip in ips} == {"127.0.0.1"}
    assert {name for *_, names in results for name in names} <= {"lo", "lo0"}


def test_a_port_belongs_to_one():
    first, second = open_port("127.0.0.1"), open_port("127.0.0.1")
    assert first != second
    with pytest.raises(OSError, match="Cannot assign requested address"):
        open_port("192.0.2.1")
