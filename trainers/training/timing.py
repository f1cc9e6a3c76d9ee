"""How long a training will take and how much memory it needs, by a few of its steps and a part of its validation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import psutil
import torch
from torch.utils.data import DataLoader

from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig, steps_per_epoch
from trainers.data.config import DataConfig
from trainers.data.samples.batches import BatchShares
from trainers.data.samples.datasets import training_set, validation_set
from trainers.data.samples.device_batches import DeviceBatches, finishes_batches
from trainers.evaluation.inference import predict
from trainers.networks.parts import parts_of
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker, default_device, synchronise
from trainers.training.train_step import Learner

SCORED_PEOPLE = 32
"""People that are predicted to time the validation."""
MOST_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class TrainingTime:
    """The measured speed of one training on this machine.

    Args:
        device: ``cpu`` or ``cuda``.
        threads: The threads of the processor.
        steps: The steps of an epoch.
        step_seconds: The seconds of a step, its samples included.
        score_seconds: The seconds of a validation, by a part of its people.
        memory: The bytes that this process takes while it trains, or those of the GPU.
    """

    device: str
    threads: int
    steps: int
    step_seconds: float
    score_seconds: float
    memory: int

    def epoch_seconds(self, config: TrainConfig) -> float:
        """Return the seconds of an epoch, with its share of the validations."""
        validations = math.ceil(config.epochs / config.validate_every)
        return self.steps * self.step_seconds + self.score_seconds * validations / config.epochs


def time_training(arch: Architecture, config: TrainConfig, data: DataConfig, *, seconds: float) -> TrainingTime:
    """Train a network from drawn weights for a few steps, in ``seconds`` or a little more, and score some people.

    The first step, in which memory is taken, is not counted unless there is no other. Threads are those of torch.

    Raises:
        InvalidInput: the data cannot be read, or are of other keypoints.
    """
    device = default_device()
    raw = finishes_batches(device)
    training, validation = training_set(data, arch, config, raw=raw), validation_set(data, arch, config, raw=raw)
    network = build_network(arch)
    learner = Learner(network, config, Worker(device=device), parts=parts_of(arch))
    learner.train()
    shares = BatchShares(len(training), batch_size=config.batch_size, seed=config.seed)
    # Samples are loaded in this process: the first batch of others takes as long as they take to start.
    batches = DeviceBatches(DataLoader(training, batch_sampler=shares), device)
    began, taken = time.monotonic(), []
    for batch in batches:
        learner.step(batch, config.full_learning_rate)
        synchronise(device)
        now = time.monotonic()
        taken.append(now - began)
        began = now
        if sum(taken) > seconds or len(taken) > MOST_STEPS:
            break
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else psutil.Process().memory_info().rss
    people = len(validation)
    apart = max(1, people // SCORED_PEOPLE)
    began = time.monotonic()
    predict(learner.scored, validation, flip_test=config.flip_test, device=device, count=apart)
    synchronise(device)
    return TrainingTime(
        device=device.type,
        threads=torch.get_num_threads(),
        steps=steps_per_epoch(len(training), config.batch_size),
        step_seconds=sum(taken[1:]) / len(taken[1:]) if taken[1:] else taken[0],
        score_seconds=(time.monotonic() - began) * people / math.ceil(people / apart),
        memory=memory,
    )
