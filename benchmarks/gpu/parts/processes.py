"""Two processes that share a batch: that they learn what one learns, and at which speed."""

from __future__ import annotations

import multiprocessing
import queue
import statistics
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.gpu.networks import drawn_batch, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row, same
from benchmarks.gpu.timing import WARM_UPS, seconds_of
from search_spaces.training_config import TrainConfig
from trainers.processes.distributed import Worker
from trainers.processes.rendezvous import meet, open_port
from trainers.training.train_step import Learner

PART = "two processes"
ADDRESS = "127.0.0.1"
COUNT = 2
PATIENCE_SECONDS = 180.0


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the speed of two processes, by NCCL on two GPUs or by gloo on a processor, and whether they agree."""
    if plan.on_gpu and torch.cuda.device_count() < COUNT:
        return [Row(part=PART, what="NCCL", value=None, note=f"there is {torch.cuda.device_count()} GPU")]
    backend = "nccl" if plan.on_gpu else "gloo"
    context = multiprocessing.get_context("spawn")
    ports, results = context.Queue(), context.Queue()
    workers = [context.Process(target=_work, args=(rank, backend, plan, ports, results)) for rank in range(COUNT)]
    for worker in workers:
        worker.start()
    try:
        found = dict(results.get(timeout=PATIENCE_SECONDS) for _ in workers)
    except queue.Empty:
        return [Row(part=PART, what=backend, value=None, note=f"no answer within {PATIENCE_SECONDS:g} s")]
    finally:
        for worker in workers:
            worker.join(10)
            worker.kill()
    problems = [problem for _, _, problem in found.values() if problem]
    if problems:
        return [Row(part=PART, what=backend, value=None, note=problems[0])]
    seconds = max(found[rank][0] for rank in range(COUNT))
    one, other = (found[rank][1] for rank in range(COUNT))
    return [
        Row(part=PART, what=f"{backend}, batch {plan.headline}", value=plan.headline / seconds, unit="samples/s"),
        Row(part=PART, what="difference of the weights after the steps", value=abs(one - other), note=same(one, other)),
    ]


def _work(rank: int, backend: str, plan: Plan, ports: Any, results: Any) -> None:
    """Run in each process: some steps on its share, then its time and a sum of its weights, or what went wrong."""
    try:
        results.put((rank, (*_steps(rank, backend, plan, ports), "")))
    except Exception as error:
        # Whatever goes wrong there is a row of the table here.
        results.put((rank, (0.0, 0.0, f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}")))


def _steps(rank: int, backend: str, plan: Plan, ports: Any) -> tuple[float, float]:
    device = torch.device("cuda", rank) if backend == "nccl" else plan.device
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(1)
    if rank == 0:
        port = open_port(ADDRESS)
        for _ in range(COUNT - 1):
            ports.put(port)
    else:
        port = ports.get(timeout=PATIENCE_SECONDS)
    meet(backend, address=ADDRESS, port=port, rank=rank, count=COUNT, seconds=PATIENCE_SECONDS)
    torch.manual_seed(0)
    network = subject(plan.networks[0]).build()
    learner = Learner(network, TrainConfig(batch_size=plan.headline), Worker(rank=rank, count=COUNT, device=device))
    learner.network.train()
    whole = drawn_batch(plan.headline, plan.input_size, device)
    share = {name: value[rank::COUNT] for name, value in whole.items()}
    seconds = [seconds_of(lambda: learner.step(share, 1e-3), device) for _ in range(WARM_UPS + plan.rounds)]
    weights = sum(float(parameter.detach().double().sum()) for parameter in network.parameters())
    dist.destroy_process_group()
    return statistics.median(seconds[WARM_UPS:]), weights
