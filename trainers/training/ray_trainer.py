"""The training loop on one or more Ray Train workers: the only module here that needs Ray."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import ray.util
import torch

from search_spaces.families.architecture import Architecture
from search_spaces.registry import architecture_from
from search_spaces.space.elastic_space import ElasticSpace
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.location import Location, located
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.processes.distributed import Worker
from trainers.processes.rendezvous import meet, open_port
from trainers.training.loop import OWN_REASONS, Metrics, WorkersLostError, train
from trainers.training.supernet_loop import train_supernet

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SharedTraining:
    """The space of the networks that share weights, and how the weights are trained."""

    elastic: ElasticSpace
    settings: SupernetConfig


def fit(
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Location,
    workers: int,
    max_workers: int | None = None,
    cpus_per_worker: int = 1,
    gpus_per_worker: float = 0.0,
    retries: int = 1,
    name: str,
    storage: Path,
    callbacks: list[Any] | None = None,
    shared: SharedTraining | None = None,
) -> Metrics:
    """Train on ``workers`` processes that share each batch, and return the metrics of the last epoch.

    When a worker dies, all start again from the last checkpoint.

    Args:
        arch: The network.
        config: The recipe.
        data: The data set.
        directory: The place of the checkpoints, which every worker must see.
        workers: The number of processes.
        max_workers: The number of processes while the cluster has room for them; the batch stays the same.
        cpus_per_worker: The CPU cores, and threads, of each process.
        gpus_per_worker: The GPUs of each process; a fraction shares one.
        retries: How often the workers start again.
        name: The name of the training in ``storage``.
        storage: The folder of Ray Train's own state.
        callbacks: Callbacks of Ray Train; within a Ray Tune trial, the one that hands metrics on to Tune.
        shared: The space whose networks share the weights that are trained; None trains one network.

    Raises:
        InvalidInput, NonFiniteLossError, torch.OutOfMemoryError: as the training loop, for reasons of its own.
        WorkersLostError: workers died more often than ``retries``.
    """
    settings = {
        "arch": arch.to_dict(),
        "train": config.to_dict(),
        "data": data.to_dict(),
        "directory": str(directory),
        "threads": cpus_per_worker,
        "shared": shared,
    }
    for attempt in range(retries + 1):
        trainer = ray.train.torch.TorchTrainer(
            _train_loop,
            train_loop_config=settings,
            torch_config=torch_config_of(gpus_per_worker),
            scaling_config=scaling_of(workers, max_workers, cpus_per_worker, gpus_per_worker),
            run_config=ray.train.RunConfig(
                # A new start is a new run: Ray Train would go on from the state of the one that failed.
                name=f"{name}-{attempt}" if attempt else name,
                storage_path=str(storage),
                callbacks=callbacks or [],
            ),
        )
        try:
            trainer.fit()
            break
        except ray.train.TrainingFailedError as error:
            own = own_reason(error)
            if own is not None:
                raise own from None
            if attempt == retries:
                raise WorkersLostError(f"{_last_line(error)} (after {retries} new starts)") from None
            _log.warning("a worker of %s died: starting again from its last checkpoint", name)
    # Ray Train keeps metrics only beside checkpoints of its own; ours has them.
    checkpoint = CheckpointStore(directory).load()
    assert checkpoint is not None, "a training that ends has written a checkpoint"
    return checkpoint.curve[-1]


class _TorchBackend(ray.train.torch.TorchConfig().backend_cls):  # type: ignore[misc]
    """Ray Train's, but for where the workers meet: at the address by which Ray knows the first one's node."""

    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        """Make the process group of the workers."""
        address, port = worker_group.execute_single(0, _open_port)
        place = (backend_config.backend, address, port, len(worker_group), backend_config.timeout_s)
        ray.get([worker_group.execute_single_async(rank, _meet, rank, *place) for rank in range(len(worker_group))])


class _TorchConfig(ray.train.torch.TorchConfig):
    @property
    def backend_cls(self) -> type:
        return _TorchBackend


def _open_port() -> tuple[str, int]:
    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return address, open_port(address)


def _meet(own_rank: int, backend: str, address: str, port: int, count: int, seconds: float) -> None:
    # Ray Train wants a function with a name, and keeps the argument ``rank`` to itself.
    meet(backend, address=address, port=port, rank=own_rank, count=count, seconds=seconds)


def torch_config_of(gpus_per_worker: float) -> ray.train.torch.TorchConfig:
    """Return how the processes of a training talk.

    Each may have a GPU to itself, and they talk by NCCL; NCCL refuses workers that share a GPU, and they talk by gloo.
    """
    return _TorchConfig(backend="nccl" if gpus_per_worker >= 1 else "gloo")


def scaling_of(workers: int, max_workers: int | None, cpus: int, gpus: float) -> ray.train.ScalingConfig:
    """Return what a training asks of the cluster: ``workers`` with so many cores and GPUs each, up to ``max_workers``."""
    # Ray's annotations know no pair here; its documentation and its code do.
    count: Any = workers if max_workers is None else (workers, max_workers)
    return ray.train.ScalingConfig(
        num_workers=count, use_gpu=gpus > 0, resources_per_worker={"CPU": cpus} | ({"GPU": gpus} if gpus else {})
    )


def own_reason(error: BaseException) -> Exception | None:
    """Return the error that the training itself raised, where that is why its workers failed."""
    failures: list[BaseException | None] = [error, *getattr(error, "worker_failures", {}).values()]
    for failure in failures:
        cause = failure
        while cause is not None:
            # Ray wraps what a worker raised and keeps it under a name of its own.
            cause = getattr(cause, "_base_exc", cause)
            if isinstance(cause, OWN_REASONS):
                return cause
            cause = cause.__cause__
    return None


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def _train_loop(settings: Mapping[str, Any]) -> None:
    """Run the engine's loop in a worker, with this worker's rank and device."""
    torch.set_num_threads(settings["threads"])
    context = ray.train.get_context()
    config, data = TrainConfig.from_dict(settings["train"]), DataConfig.from_dict(settings["data"])
    place: dict[str, Any] = {
        "directory": located(settings["directory"]),
        "report": lambda metrics, _: ray.train.report(metrics),
        "worker": Worker(rank=context.get_world_rank(), count=context.get_world_size(), device=ray.train.torch.get_device()),
    }
    shared: SharedTraining | None = settings["shared"]
    if shared is None:
        train(architecture_from(settings["arch"]), config, data, **place)
    else:
        train_supernet(shared.elastic, shared.settings, config, data, **place)
