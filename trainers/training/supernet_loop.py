"""The training of weights that networks of a space share, on one process or as one of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.common.retry import RetryPolicy
from search_spaces.families.architecture import Architecture
from search_spaces.families.parameter import Choice
from search_spaces.space.cost_strata import CostStrata
from search_spaces.space.elastic_space import ElasticSpace
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST, Checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import STORAGE_RETRY, Note
from trainers.checkpoints.store import CheckpointStore, log_note
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import training_set
from trainers.data.samples.device_batches import finishes_batches
from trainers.data.samples.held_out import training_parts
from trainers.networks.registry import shared_weights
from trainers.networks.shared_store import SharedStore
from trainers.processes.distributed import Worker, default_device
from trainers.processes.memory import keep_freed_memory
from trainers.training.loop import Metrics, Report, TrainingRun, TrainResult, check_batch
from trainers.training.sandwich_step import SandwichLearner

LOSSES = ("loss_largest", "loss_smallest")
"""The figures of an epoch with the losses of the two networks that learn in every step, on the ground truth."""


def train_supernet(
    elastic: ElasticSpace,
    settings: SupernetConfig,
    training: TrainConfig,
    data: DataConfig,
    *,
    directory: Location | None,
    report: Report,
    worker: Worker | None = None,
    note: Note = log_note,
    retry: RetryPolicy = STORAGE_RETRY,
) -> TrainResult:
    """Train shared weights from their seed, or from the last checkpoint in ``directory``, to the end of their epochs.

    Checkpoints, reports and waiting are those of `trainers.training.loop.train`. Nothing is validated, and the validation
    set is not read.

    Args:
        elastic: The space; no network beyond its budget learns.
        settings: The networks of a step and the length of the training.
        training: The recipe of the study.
        data: The data set.
        directory: A folder or an S3 URL for the checkpoints; None writes nothing.
        report: Takes the metrics of each epoch, and the place of its checkpoint, None in all processes but the first.
        worker: This process among those of the training.
        note: Takes a sentence when the training waits, and on a last checkpoint that is not whole.
        retry: How long the training waits for its storage; an hour by default.

    Raises:
        NonFiniteLossError: the loss is not finite; the last checkpoint is the one before.
        InvalidInput: the recipe, the data, the batch size, or a checkpoint of another training in ``directory``.
    """
    worker = worker or Worker(device=default_device())
    config = settings.recipe(training)
    check_batch(config, worker.count)
    if worker.device.type == "cpu":
        keep_freed_memory()
    note = note if worker.is_first else lambda sentence: None
    store = None if directory is None else CheckpointStore(directory, note=note)
    run = _SupernetRun(elastic, settings, config, data, worker, store, note, retry)
    run.report_again(report, directory)
    while len(run.curve) < config.epochs:
        run.end_epoch(run.learn())
        report(run.curve[-1], directory if worker.is_first else None)
    return TrainResult(curve=run.curve, checkpoint=store.where(LAST) if store and worker.is_first else None)


def identity_of(elastic: ElasticSpace, settings: SupernetConfig) -> dict[str, Any]:
    """Return the space and the settings of shared weights as a checkpoint keeps them: plain values.

    How inherited networks are scored is left out, since it changes nothing that is learned.
    """
    space = elastic.space
    parameters = {name: list(choice.values) for name, choice in space.parameters.items() if isinstance(choice, Choice)}
    return {
        "family": space.base.FAMILY,
        "envelope": elastic.envelope.identity,
        "base": space.base.to_dict(),
        "parameters": parameters,
        "budget": [str(constraint) for constraint in elastic.budget.constraints],
        **settings.learned,
    }


def shared_weights_of(checkpoint: Checkpoint, elastic: ElasticSpace, name: str) -> SharedStore:
    """Return the shared weights of a checkpoint, the averaged ones where there are any.

    Args:
        checkpoint: The checkpoint of shared weights.
        elastic: The space that the weights are wanted for.
        name: The name of the checkpoint in messages.

    Raises:
        InvalidInput: the weights were made for another space.
    """
    store = shared_weights(elastic.largest, elastic.envelope)
    store.load(checkpoint.weights, dict((checkpoint.supernet or {}).get("envelope", {})), name)
    return store


class _SupernetRun(TrainingRun):
    """The changing state of a training of shared weights."""

    learner: SandwichLearner

    def __init__(
        self,
        elastic: ElasticSpace,
        settings: SupernetConfig,
        config: TrainConfig,
        data: DataConfig,
        worker: Worker,
        store: CheckpointStore | None,
        note: Note,
        retry: RetryPolicy,
    ) -> None:
        self._elastic, self._settings, self._seed = elastic, settings, config.seed
        self._epochs, self._processes = config.epochs, worker
        self._strata = CostStrata(elastic, seed=config.seed)
        self.supernet: Mapping[str, Any] = identity_of(elastic, settings)
        samples = training_set(data, elastic.largest, config, raw=finishes_batches(worker.device))
        self.chosen = training_parts(samples.people, settings.held_out, config.seed).learned
        super().__init__(elastic.largest, config, data, samples, worker, store, note, retry)

    def drawn(self) -> nn.Module:
        """Return shared weights that are drawn from the seed of the recipe."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            return shared_weights(self._elastic.largest, self._elastic.envelope)

    def made_learner(self, network: nn.Module) -> SandwichLearner:
        """Return the shared weights in training."""
        assert isinstance(network, SharedStore)
        return SandwichLearner(network, self._config, self._processes, largest=self._elastic.largest)

    def begin_step(self, epoch: int, batches: int) -> None:
        """Choose the networks of a step by its place in the training, so that all processes learn the same."""
        networks: list[Architecture] = [self._elastic.largest, self._elastic.smallest]
        slots = range(len(networks), self._settings.subnets_per_step)
        networks += [self._strata.draw(epoch, self.position, slot) for slot in slots]
        progress = (epoch * batches + self.position) / (self._epochs * batches)
        self.learner.plan(networks, self._settings.distillation_at(progress))

    def synchronise(self) -> Tensor:
        """Bring the processes to one state, the sums of the subnets' losses among it; return the loss of all so far."""
        own = self.learner.subnet_losses
        total = self._processes.sum(own)
        own.copy_(total if self._processes.is_first else torch.zeros_like(total))
        return super().synchronise()

    def figures(self, batches: int) -> Metrics:
        """Return the mean losses of the largest and the smallest network, in the first process."""
        means = (self.learner.subnet_losses / batches).tolist()
        return dict(zip(LOSSES, means, strict=True))

    def end_epoch(self, metrics: Metrics) -> None:
        """Add an epoch to the curve, and write its checkpoint."""
        self.learner.subnet_losses.zero_()
        super().end_epoch(metrics)
