"""The training loop on one or more Ray Train workers: the only module here that needs Ray."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
import torch

from search_spaces.arch import ArchConfig
from search_spaces.hyperparameters import TrainConfig
from trainers.checkpoint import LAST, load_checkpoint
from trainers.data.source import DataConfig
from trainers.engine import Metrics, Worker, train


def fit(
    arch: ArchConfig,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    cpus_per_worker: int = 1,
    gpus_per_worker: float = 0.0,
    name: str,
    storage: Path,
    callbacks: list[Any] | None = None,
) -> Metrics:
    """Train on ``workers`` processes that share each batch, and return the metrics of the last epoch.

    Checkpoints go to ``directory``, which every worker must see; Ray Train's own state goes to ``storage`` under ``name``.
    Within a Ray Tune trial ``callbacks`` carries the one that hands metrics on to Tune.

    Raises:
        ray.train.TrainingFailedError: a worker failed; its cause says why.
    """
    trainer = ray.train.torch.TorchTrainer(
        _train_loop,
        train_loop_config={
            "arch": arch.to_dict(),
            "train": config.to_dict(),
            "data": data.to_dict(),
            "directory": str(directory),
            "threads": cpus_per_worker,
        },
        scaling_config=ray.train.ScalingConfig(
            num_workers=workers,
            use_gpu=gpus_per_worker > 0,
            resources_per_worker={"CPU": cpus_per_worker} | ({"GPU": gpus_per_worker} if gpus_per_worker else {}),
        ),
        run_config=ray.train.RunConfig(name=name, storage_path=str(storage), callbacks=callbacks or []),
    )
    trainer.fit()
    # Ray Train keeps metrics only beside checkpoints of its own; ours has them.
    return load_checkpoint(directory / LAST).curve[-1]


def _train_loop(settings: Mapping[str, Any]) -> None:
    """What each worker runs: the engine's loop, with this worker's rank and device."""
    torch.set_num_threads(settings["threads"])
    context = ray.train.get_context()
    worker = Worker(
        rank=context.get_world_rank(),
        count=context.get_world_size(),
        device=ray.train.torch.get_device(),
        wrap=_wrap_with(ray.train.torch.prepare_model),
    )
    train(
        ArchConfig.from_dict(settings["arch"]),
        TrainConfig.from_dict(settings["train"]),
        DataConfig.from_dict(settings["data"]),
        directory=Path(settings["directory"]),
        report=lambda metrics, _: ray.train.report(metrics),
        worker=worker,
    )


def _wrap_with(prepare: Callable[..., torch.nn.Module]) -> Callable[[torch.nn.Module], torch.nn.Module]:
    """Distributed data parallel; the engine has moved the network already, and its unused parameters take no gradient."""
    return lambda network: prepare(network, move_to_device=False)
