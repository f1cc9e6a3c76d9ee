"""The training loop of the paper, on one process or as one of several: no Ray, only a ``report`` function passed in."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from search_spaces.common.errors import InvalidInput, StorageUnavailable
from search_spaces.common.objectives import gain
from search_spaces.common.retry import RetryPolicy
from search_spaces.families.architecture import Architecture
from search_spaces.starting_weights import WEIGHTS_TAKEN
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST, Checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import STORAGE_RETRY, Note, until_done
from trainers.checkpoints.store import CheckpointStore, log_note
from trainers.data.config import DataConfig
from trainers.data.identity import data_contents
from trainers.data.samples.batches import BatchShares
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import training_set, validation_set
from trainers.data.samples.device_batches import DeviceBatches, finishes_batches
from trainers.evaluation.inference import prediction_batches
from trainers.evaluation.scoring import evaluate
from trainers.networks.load import load_weights
from trainers.networks.parts import parts_of
from trainers.processes.distributed import Worker, default_device
from trainers.processes.memory import keep_freed_memory
from trainers.training.acceleration import check_acceleration
from trainers.training.beginning import drawn_network, take_start
from trainers.training.same_training import check_same_progress, check_same_training
from trainers.training.teacher import load_teacher
from trainers.training.train_step import SMALLEST_PIECE, Learner

_log = logging.getLogger(__name__)

Metrics = dict[str, float]
Report = Callable[[Metrics, Location | None], None]
"""Called after every epoch with its metrics and, where one was written, the location of the checkpoints."""

TEACHER_COST = "teacher_ms"
"""Milliseconds that the teacher adds to a step."""
LOOP_FIGURES = (
    "epoch",
    "loss",
    "learning_rate",
    "samples_per_second",
    "seconds",
    "micro_batch",
    "memory_gib",
    WEIGHTS_TAKEN,
    TEACHER_COST,
)
"""The figures of every epoch about itself; all other figures of an epoch are scores."""

CHECK_EVERY = 20
"""Iterations between looks at the loss: each look waits for the device."""


class NonFiniteLossError(RuntimeError):
    """The loss became infinite or not a number: the training cannot recover and its scores mean nothing."""


class WorkersLostError(RuntimeError):
    """Workers of a training died more often than it was to be started again; the message says how the last one did."""


OWN_REASONS = (InvalidInput, NonFiniteLossError, torch.OutOfMemoryError)
"""The errors of the training itself: the same start would end in the same way, so it is not tried again."""
OUTAGES = (StorageUnavailable, WorkersLostError)
"""The errors that say nothing about the network, which may be trained another time."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished training: the metrics of every epoch and where the last checkpoint lies."""

    curve: list[Metrics]
    checkpoint: Location | None

    @property
    def metrics(self) -> Metrics:
        """The metrics of the last epoch, which is always validated."""
        return self.curve[-1]


def train(
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Location | None,
    report: Report,
    worker: Worker | None = None,
    note: Note = log_note,
    retry: RetryPolicy = STORAGE_RETRY,
) -> TrainResult:
    """Train a network from its seed, or from the last checkpoint in ``directory``, to the end of its epochs.

    Every epoch ends with ``report``; a training that goes on begins by reporting its epochs so far again. Every
    ``validate_every``-th epoch and the last are validated. On a processor a training that goes on ends, to the last bit,
    where it would have ended undisturbed. Where a checkpoint cannot be written or read, because a disk is full or a storage
    does not answer, the training waits.

    Args:
        arch: The network.
        config: The recipe.
        data: The data set.
        directory: A folder or an S3 URL; None writes nothing. It receives ``last.pt`` after each epoch, and within the epoch
            where the configuration says so. ``previous.pt`` is the last but one, ``best.pt`` the best validation so far.
        report: Takes the metrics of each epoch, and the place of its checkpoint, None in all processes but the first.
        worker: This process among those of the training.
        note: Takes a sentence when the training waits, and on a last checkpoint that is not whole.
        retry: How long the training waits for its storage; an hour by default.

    Raises:
        NonFiniteLossError: the loss is not finite; the last checkpoint is the one before.
        InvalidInput: the data, the batch size, or a checkpoint of another training in ``directory``; or the retrying was in
            vain.
    """
    worker = worker or Worker(device=default_device())
    check_batch(config, worker.count)
    check_acceleration(config, worker)
    if worker.device.type == "cpu":
        keep_freed_memory()
    raw = finishes_batches(worker.device)
    training, validation = training_set(data, arch, config, raw=raw), validation_set(data, arch, config, raw=raw)
    scored_batches = prediction_batches(
        validation,
        worker.device,
        batch_size=max(config.batch_size // worker.count, 32),
        workers=data.workers,
        rank=worker.rank,
        count=worker.count,
    )
    # All processes read the checkpoint; one of them speaks.
    note = note if worker.is_first else lambda sentence: None
    store = None if directory is None else CheckpointStore(directory, note=note)
    run = TrainingRun(arch, config, data, training, worker, store, note, retry)
    run.report_again(report, directory)
    while len(run.curve) < config.epochs:
        metrics = run.learn()
        if _is_validated(len(run.curve), config):
            scored = evaluate(
                run.learner.scoring,
                validation,
                data,
                flip_test=config.flip_test,
                worker=worker,
                batches=scored_batches,
            )
            metrics |= scored.metrics if scored else {}
        run.end_epoch(metrics)
        report(metrics, directory if worker.is_first else None)
    return TrainResult(curve=run.curve, checkpoint=store.where(LAST) if store and worker.is_first else None)


def check_batch(config: TrainConfig, workers: int) -> None:
    """Refuse a batch too small for ``workers`` processes to share, with `InvalidInput`."""
    if config.batch_size < SMALLEST_PIECE * workers:
        raise InvalidInput(
            f"batch_size must be at least {SMALLEST_PIECE * workers}, {SMALLEST_PIECE} samples for each of the"
            f" {workers} workers of a training, got {config.batch_size}"
        )


class TrainingRun:
    """The changing state of a training: ``position`` batches of the epoch after the epochs in ``curve`` are learned.

    Shared weights learn in the same way, see `trainers.training.supernet_loop`. A subclass says what is drawn, how it learns
    and from which samples.
    """

    chosen: Sequence[int] | None = None
    """The samples to learn from; None takes all."""
    supernet: Mapping[str, Any] | None = None
    """The field of that name of the checkpoints."""

    def __init__(
        self,
        arch: Architecture,
        config: TrainConfig,
        data: DataConfig,
        training: TopDownDataset,
        worker: Worker,
        store: CheckpointStore | None,
        note: Note,
        retry: RetryPolicy,
    ) -> None:
        self._arch, self._config, self._data, self._worker = arch, config, data, worker
        self._store, self._note, self._retry = store, note, retry
        self._training, self._contents = training, data_contents(data)
        self._shares = BatchShares(
            len(training if self.chosen is None else self.chosen),
            batch_size=config.batch_size,
            seed=config.seed,
            rank=worker.rank,
            count=worker.count,
            chosen=self.chosen,
        )
        loader: DataLoader[dict[str, Tensor]] = DataLoader(
            training,
            batch_sampler=self._shares,
            num_workers=data.workers,
            persistent_workers=data.workers > 0,
            pin_memory=worker.device.type == "cuda",
        )
        self._batches = DeviceBatches(loader, worker.device)
        network, points = self.drawn(), data.keypoint_set.names
        checkpoint = until_done(store.load, note, retry) if store else None
        check_same_progress(checkpoint, worker)
        self._config = config = config.identified(checkpoint.train if checkpoint else None)
        self._taken = checkpoint.taken if checkpoint else None
        self._lengthened = checkpoint.lengthened if checkpoint else None
        if store and checkpoint:
            last = str(store.where(LAST))
            if not check_same_training(checkpoint, arch, config, data, self._contents, last, self.supernet):
                note(
                    f"checkpoint {last} does not say what its annotations held, and they are not where they were"
                    f" ({checkpoint.data.get('root')}): it goes on with those in {data.root}"
                )
            load_weights(network, checkpoint.state["network"], f"checkpoint {last}")
        elif taken := take_start(network, arch, config, points):
            _log.info("%s", taken)
            self._taken = taken.share
        self.learner = self.made_learner(network)
        self.curve: list[Metrics] = []
        self.position = 0
        self._loss = torch.zeros((), device=worker.device)
        seconds = 0.0
        if checkpoint:
            self.learner.load(checkpoint.state)
            self.curve, self.position = list(checkpoint.curve), checkpoint.position
            self._loss += checkpoint.loss if worker.is_first else 0.0
            seconds = checkpoint.seconds
        self._began = time.monotonic() - seconds

    def drawn(self) -> nn.Module:
        """Return what is to learn, with weights that are drawn from the seed of the recipe."""
        return drawn_network(self._arch, self._config)

    def made_learner(self, network: nn.Module) -> Learner:
        """Return what was drawn, in training."""
        teacher = load_teacher(self._arch, self._config, self._data.keypoint_set.names)
        return Learner(network, self._config, self._worker, parts=parts_of(self._arch), teacher=teacher)

    def begin_step(self, epoch: int, batches: int) -> None:
        """Prepare the step at ``position`` of an epoch of so many batches; one network needs nothing."""

    def figures(self, batches: int) -> Metrics:
        """Return figures of an epoch of so many batches beside those that every training has."""
        return {}

    def report_again(self, report: Report, directory: Location | None) -> None:
        """Report the epochs so far: the process before may have died between a checkpoint and the report of it."""
        for metrics in self.curve:
            report(metrics, directory)

    def learn(self) -> Metrics:
        """The rest of one pass over the training samples: its mean loss over all processes, its rate and its speed."""
        epoch, per_epoch, every = len(self.curve), self._shares.batches, self._config.checkpoint_iterations
        self.learner.train()
        self._training.set_epoch(epoch)
        self._shares.set_epoch(epoch, first=self.position)
        began, first, rate, teacher = time.monotonic(), self.position, 0.0, 0.0
        for batch in self._batches:
            if self.position == first and self._worker.count > 1 and self._worker.device.type != "cpu":
                self.learner.fit_memory(batch)
            rate = self._config.learning_rate_at(epoch * per_epoch + self.position, per_epoch)
            self.begin_step(epoch, per_epoch)
            self._loss += self.learner.step(batch, rate)
            if self.position == first:
                teacher = self.learner.teacher_milliseconds(batch)
            self.position += 1
            if self.position % CHECK_EVERY == 1:
                self._check_finite(self._loss)
            if every and self.position % every == 0 and self.position < per_epoch:
                self.synchronise()
                self._save()
        total = self.synchronise()
        learned = (self.position - first) * self._config.batch_size
        metrics = {
            "epoch": epoch + 1,
            "loss": float(total) / per_epoch,
            "learning_rate": rate,
            "samples_per_second": learned / (time.monotonic() - began),
        }
        metrics |= self.figures(per_epoch)
        if self._taken is not None:
            metrics[WEIGHTS_TAKEN] = self._taken
        if self._config.distill is not None:
            metrics[TEACHER_COST] = teacher
        if self.learner.micro_batch is not None:
            metrics["micro_batch"] = self.learner.micro_batch
        if self._worker.device.type == "cuda":
            metrics["memory_gib"] = torch.cuda.max_memory_allocated(self._worker.device) / 2**30
        return metrics

    def end_epoch(self, metrics: Metrics) -> None:
        """Add an epoch to the curve; write ``last.pt``, and ``best.pt`` where its score is the best so far."""
        metrics["seconds"] = time.monotonic() - self._began
        self.curve.append(metrics)
        self.position = 0
        self._loss.zero_()
        score = self._data.accuracy
        earlier = [gain(score, scores[score]) for scores in self.curve[:-1] if score in scores]
        self._save(best=score in metrics and gain(score, metrics[score]) >= max(earlier, default=-math.inf))

    def synchronise(self) -> Tensor:
        """Bring the processes to one state, in which a checkpoint of the first holds for all; the loss of all so far."""
        self._worker.average_buffers(self.learner.network)
        total = self._worker.sum(self._loss)
        self._check_finite(total)
        self._loss = total.clone() if self._worker.is_first else torch.zeros_like(total)
        return total

    def _check_finite(self, loss: Tensor) -> None:
        if not math.isfinite(float(loss)):
            raise NonFiniteLossError(
                f"loss is not finite ({float(loss)}) in epoch {len(self.curve) + 1}, iteration {self.position}"
            )

    def _save(self, *, best: bool = False) -> None:
        store = self._store
        if store is None or not self._worker.is_first:
            return
        checkpoint = Checkpoint(
            arch=self._arch,
            train=self._config,
            data=self._data.to_dict(),
            contents=self._contents,
            state=self.learner.state(),
            curve=self.curve,
            position=self.position,
            loss=float(self._loss),
            seconds=time.monotonic() - self._began,
            taken=self._taken,
            supernet=self.supernet,
            lengthened=self._lengthened,
        )
        until_done(lambda: store.save(checkpoint, best=best), self._note, self._retry)


def _is_validated(epoch: int, config: TrainConfig) -> bool:
    return (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs
