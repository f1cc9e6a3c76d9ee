"""Real processes that talk by gloo, as the workers of a training do.

A process loads PyTorch for seconds, so the processes stay for the next test. Each test has a group of its own among them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any

import psutil
import torch
import torch.distributed as dist

from trainers.processes.distributed import Worker

_processes: list[ProcessPoolExecutor] = []


def run_workers(function: Callable[..., Any], count: int, *arguments: Any) -> list[Any]:
    """Return what ``function(worker, *arguments)``, at the top of a module, returns in each of ``count`` processes."""
    while len(_processes) < count:
        _processes.append(ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)))
    with tempfile.TemporaryDirectory() as folder:
        runs = [_processes[rank].submit(_run, rank, count, folder, function, arguments) for rank in range(count)]
        ended, _ = wait(runs, return_when=FIRST_EXCEPTION)
        failures = [error for run in ended if (error := run.exception())]
        if failures:
            # The others wait for the one that failed, which has not left their group.
            _end_all()
            raise failures[0]
        return [run.result() for run in runs]


def _run(rank: int, count: int, folder: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=count)
    result = function(Worker(rank=rank, count=count, device=torch.device("cpu")), *arguments)
    dist.destroy_process_group()
    return result


def _end_all() -> None:
    for each in _processes:
        for pid in each._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
    _processes.clear()
