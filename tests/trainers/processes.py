"""Real processes that talk by gloo, as the workers of a training do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from trainers.distributed import Worker


def run_workers(function: Callable[..., Any], count: int, *arguments: Any) -> list[Any]:
    """What ``function(worker, *arguments)``, defined at the top of a module, returns in each of ``count`` processes."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_run, (count, folder, function, arguments), nprocs=count)
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(count)]


def _run(rank: int, count: int, folder: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=count)
    result = function(Worker(rank=rank, count=count, device=torch.device("cpu")), *arguments)
    torch.save(result, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
