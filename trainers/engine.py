"""The training loop of the paper, on one process or as one of several: no Ray, only a ``report`` function passed in.

Shape legend: B samples of one process, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput
from search_spaces.hyperparameters import TrainConfig
from trainers.checkpoint import BEST, LAST, Checkpoint, load_checkpoint, load_weights, save_checkpoint
from trainers.data.dataset import TopDownDataset
from trainers.data.source import DataConfig, training_set, validation_set
from trainers.evaluation.scoring import evaluate
from trainers.model.build import build_network
from trainers.model.network import PoseNetwork

Metrics = dict[str, float]
Report = Callable[[Metrics, Path | None], None]
"""Called after every epoch with its metrics and, where one was written, the folder of the checkpoints."""

LOOP_FIGURES = ("epoch", "loss", "learning_rate", "samples_per_second", "seconds")
"""What every epoch reports about itself; everything else an epoch reports is a score."""

CHECK_EVERY = 20
"""Iterations between looks at the loss: each look waits for the device."""


class NonFiniteLossError(RuntimeError):
    """The loss became infinite or not a number: the training cannot recover and its scores mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One process of a training: ``rank`` of ``count``, on ``device``; ``wrap`` makes the network learn with the others."""

    rank: int = 0
    count: int = 1
    device: torch.device
    wrap: Callable[[nn.Module], nn.Module] | None = None

    @property
    def is_first(self) -> bool:
        """Whether this process validates and writes checkpoints for all."""
        return self.rank == 0


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished training: the metrics of every epoch and where the last checkpoint lies."""

    curve: list[Metrics]
    checkpoint: Path | None

    @property
    def metrics(self) -> Metrics:
        """The metrics of the last epoch, which is always validated."""
        return self.curve[-1]


def default_device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    arch: ArchConfig,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path | None,
    report: Report,
    worker: Worker | None = None,
) -> TrainResult:
    """Train a network from its seed, or from the last checkpoint in ``directory``, to the end of its epochs.

    Every epoch ends with ``report``; a training that goes on begins by reporting its last epoch again. Every
    ``validate_every``-th epoch and the last are validated. ``directory`` (None writes nothing) receives ``last.pt`` after
    each epoch and ``best.pt`` after the best validation so far.

    Raises:
        NonFiniteLossError: the loss is not finite; the last checkpoint is the one before.
        InvalidInput: the data, the batch size, or a checkpoint of another training in ``directory``.
    """
    worker = worker or Worker(device=default_device())
    training, validation = training_set(data, arch, config), validation_set(data, arch, config)
    loader = _loader(training, config, data, worker)
    run = _Run.start(arch, config, data, worker, directory)
    began = time.monotonic() - (run.curve[-1]["seconds"] if run.curve else 0.0)
    if run.curve:
        # The process before may have died between its last checkpoint and the report of it.
        report(run.curve[-1], directory)
    for epoch in range(len(run.curve), config.epochs):
        epoch_began = time.monotonic()
        metrics = run.learn(epoch, loader)
        metrics["samples_per_second"] = len(loader) * config.batch_size / (time.monotonic() - epoch_began)
        if worker.is_first and (_is_validated(epoch, config)):
            scores = evaluate(
                run.network,
                validation,
                data,
                flip_test=config.flip_test,
                device=worker.device,
                batch_size=max(config.batch_size, 32),
                workers=data.workers,
            ).metrics
            metrics |= scores
        metrics["seconds"] = time.monotonic() - began
        run.curve.append(metrics)
        written = run.save(directory, data.accuracy) if worker.is_first else None
        report(metrics, written)
    return TrainResult(curve=run.curve, checkpoint=directory / LAST if directory and worker.is_first else None)


def heatmap_loss(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error of (B, K, h, w) heatmaps, each keypoint weighted by its visibility (B, K)."""
    return (weight[:, :, None, None] * (heatmaps - target)).square().mean()


@dataclass(kw_only=True)
class _Run:
    """What changes while a network trains."""

    arch: ArchConfig
    config: TrainConfig
    data: DataConfig
    device: torch.device
    network: PoseNetwork
    learner: nn.Module
    optimizer: torch.optim.Optimizer
    curve: list[Metrics]

    @classmethod
    def start(
        cls,
        arch: ArchConfig,
        config: TrainConfig,
        data: DataConfig,
        worker: Worker,
        directory: Path | None,
    ) -> _Run:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = build_network(arch)
        last = directory / LAST if directory else None
        checkpoint = load_checkpoint(last) if last and last.is_file() else None
        if checkpoint:
            _check_same_training(checkpoint, arch, config, str(last))
            load_weights(network, checkpoint.network, f"checkpoint {last}")
        to_channels_last(network.to(worker.device))
        learner = worker.wrap(network) if worker.wrap else network
        optimizer = _optimizer(network, config)
        if checkpoint:
            optimizer.load_state_dict(dict(checkpoint.optimizer))
        return cls(
            arch=arch,
            config=config,
            data=data,
            device=worker.device,
            network=network,
            learner=learner,
            optimizer=optimizer,
            curve=list(checkpoint.curve) if checkpoint else [],
        )

    def learn(self, epoch: int, loader: DataLoader[dict[str, Tensor]]) -> Metrics:
        """One pass over the training samples; the mean loss and the last learning rate."""
        self.learner.train()
        loader.dataset.set_epoch(epoch)  # type: ignore[attr-defined]
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        total = torch.zeros((), device=self.device)
        rate = 0.0
        for step, batch in enumerate(loader):
            rate = self.config.learning_rate_at(epoch * len(loader) + step, len(loader))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            images = batch["image"].to(self.device, memory_format=torch.channels_last)
            target, weight = batch["target"].to(self.device), batch["weight"].to(self.device)
            loss = heatmap_loss(self.learner(images), target, weight)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            total += loss.detach()
            if step % CHECK_EVERY == 0:
                _check_finite(total, epoch, step)
        _check_finite(total, epoch, len(loader) - 1)
        return {"epoch": epoch + 1, "loss": float(total) / len(loader), "learning_rate": rate}

    def save(self, directory: Path | None, score: str) -> Path | None:
        """Write ``last.pt``, and ``best.pt`` where this epoch's score is the best so far."""
        if directory is None:
            return None
        checkpoint = Checkpoint(
            arch=self.arch,
            train=self.config,
            data=self.data.to_dict(),
            network=self.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
            epoch=len(self.curve),
            curve=self.curve,
        )
        save_checkpoint(directory / LAST, checkpoint)
        earlier = [metrics[score] for metrics in self.curve[:-1] if score in metrics]
        if score in self.curve[-1] and self.curve[-1][score] >= max(earlier, default=-math.inf):
            save_checkpoint(directory / BEST, checkpoint)
        return directory


class ShardSampler(torch.utils.data.Sampler[int]):
    """The share of one process in a shuffled epoch, whole global batches only; the same for the same (seed, epoch).

    A data set smaller than one global batch is repeated until it fills one.
    """

    def __init__(self, samples: int, *, batch_size: int, worker: Worker, seed: int) -> None:
        self.samples, self.batch_size, self.worker, self.seed = samples, batch_size, worker, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Samples of this process in an epoch."""
        return max(1, self.samples // self.batch_size) * self.batch_size // self.worker.count

    def __iter__(self) -> Iterator[int]:
        """The indices, interleaved over the processes so that a global batch is the same for any number of them."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.samples, generator=generator).tolist()
        whole = len(self) * self.worker.count
        repeated = (order * math.ceil(whole / len(order)))[:whole]
        return iter(repeated[self.worker.rank :: self.worker.count])


def to_channels_last(network: nn.Module) -> nn.Module:
    """Store convolution weights channels-last, in which depth-wise convolutions run faster; the function is the same."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def check_batch(config: TrainConfig, workers: int) -> None:
    """Refuse a batch that ``workers`` processes cannot share equally, with `InvalidInput`."""
    if config.batch_size % workers:
        raise InvalidInput(f"batch_size must be a multiple of the {workers} workers of a training, got {config.batch_size}")


def _loader(dataset: TopDownDataset, config: TrainConfig, data: DataConfig, worker: Worker) -> DataLoader[dict[str, Tensor]]:
    check_batch(config, worker.count)
    sampler = ShardSampler(len(dataset), batch_size=config.batch_size, worker=worker, seed=config.seed)
    return DataLoader(
        dataset,
        batch_size=config.batch_size // worker.count,
        sampler=sampler,
        num_workers=data.workers,
        persistent_workers=data.workers > 0,
        pin_memory=worker.device.type == "cuda",
    )


def _optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    kinds: dict[str, Any] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer: torch.optim.Optimizer = kinds[config.optimizer](
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    return optimizer


def _is_validated(epoch: int, config: TrainConfig) -> bool:
    return (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs


def _check_finite(total: Tensor, epoch: int, step: int) -> None:
    if not math.isfinite(float(total)):
        raise NonFiniteLossError(f"loss is not finite ({float(total)}) in epoch {epoch + 1}, iteration {step + 1}")


def _check_same_training(checkpoint: Checkpoint, arch: ArchConfig, config: TrainConfig, name: str) -> None:
    if checkpoint.arch.arch_id != arch.arch_id:
        raise InvalidInput(
            f"checkpoint {name} must be of network {arch.arch_id} to go on from it, got {checkpoint.arch.arch_id}"
        )
    ours, theirs = config.to_dict(), checkpoint.train.to_dict()
    for field, value in ours.items():
        if theirs[field] != value:
            raise InvalidInput(f"checkpoint {name} must have {field} {value!r} to go on from it, got {theirs[field]!r}")
