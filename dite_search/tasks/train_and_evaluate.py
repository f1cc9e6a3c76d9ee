"""One network without a search: training it and scoring it from the command line."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import sync, write_json
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.objectives import format_value
from search_spaces.families.architecture import Architecture, resized
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import BEST, LAST, PREVIOUS, Checkpoint, load_checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.retry import Note
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.data.formats.data_format import ACCURACIES
from trainers.data.identity import data_contents
from trainers.data.keypoint_sets.metric import Metric
from trainers.data.samples.datasets import training_set, validation_set
from trainers.evaluation.scoring import Evaluation
from trainers.prediction.network import TrainedNetwork
from trainers.training import loop
from trainers.training.beginning import check_beginning
from trainers.training.lengthening import lengthened, schedule_words, sentences_on
from trainers.training.same_training import check_same_training

RAY_FOLDER = "ray_train"
"""The folder of Ray Train's own state, beside the checkpoints."""
INSTEAD = "--output names another folder, and --restart begins anew and keeps what is there"
"""The ways out where a folder holds another training."""


def train_one(
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    max_workers: int | None = None,
    threads: int | None,
    retries: int = 1,
    resume: bool = False,
    restart: bool = False,
    more: bool = False,
    console: Console,
) -> loop.Metrics:
    """Train a network on ``workers`` processes and print every epoch; return the metrics of the last.

    A training of the same network, recipe and data that ``directory`` holds goes on. To resume one takes its number of
    epochs from it, unless other epochs are asked for.

    Args:
        arch: The network.
        config: The recipe.
        data: The data set.
        directory: The folder of the checkpoints.
        workers: The number of processes that share each batch.
        max_workers: The number of processes while the cluster has room for them.
        threads: The CPU threads of each process.
        retries: How often the training starts again after a process has died.
        resume: Whether there must be a training to go on with.
        restart: Whether the training begins anew; what the folder holds is kept in a folder below it.
        more: Whether the epochs of the recipe were asked for: a training to resume then goes on for so many.
        console: The place of the output.

    Raises:
        InvalidInput: as `trainers.training.loop.train`; the folder holds another training, or none to resume; or the
            training ends for a reason of its own.
    """
    if resume and restart:
        raise InvalidInput("--resume and --restart must not be given together: one goes on, the other begins anew")
    cores = threads or max(1, (os.cpu_count() or 1) // workers)
    # The training itself says where it begins, if that is not the last checkpoint.
    found = None if restart else CheckpointStore(directory, note=lambda sentence: None).load()
    if resume and not found:
        raise InvalidInput(f"--resume must be given for a folder with a training to go on with, but {directory} holds none")
    config = config.identified(found.train if found else None)
    changed = None
    if found:
        if resume:
            changed = _with_other_epochs(found, config, directory) if more else None
            config = dataclasses.replace(config, epochs=(changed or found).train.epochs)
        _check_going_on(changed or found, arch, config, data, directory, resume=resume)
    finished = len(found.curve) if found else 0

    def say(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    def begin() -> None:
        kept = set_aside(directory) if restart else None
        if kept:
            say(f"The training that {directory} held is kept in {kept}")
        if found and changed:
            CheckpointStore(directory).save(changed)
            for sentence in sentences_on(found, changed):
                say(sentence)

    if not found:
        for sentence in check_beginning(arch, config, data.keypoint_set.names).sentences:
            say(sentence)
    if restart or changed:
        # Whatever would end the training before its first step has to show while the old one is in its place.
        loop.check_batch(config, workers)
        training_set(data, arch, config), validation_set(data, arch, config)
    if finished:
        say(f"Going on from epoch {finished} of {directory / LAST}")
    if workers > 1 or max_workers is not None:
        return _train_with_ray(
            arch,
            config,
            data,
            directory=directory,
            workers=workers,
            max_workers=max_workers,
            threads=cores,
            retries=retries,
            begin=begin,
            console=console,
        )
    begin()
    torch.set_num_threads(cores)
    return _train_here(arch, config, data, directory=directory, finished=finished, note=say, console=console)


def _train_here(
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    finished: int,
    note: Note,
    console: Console,
) -> loop.Metrics:
    """Train in this process, with a bar that begins after the epochs that are finished; return the metrics of the last."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        epochs = bar.add_task("epochs", total=config.epochs, completed=finished)

        def report(metrics: loop.Metrics, _: Location | None) -> None:
            console.print(describe_epoch(metrics, config.epochs), highlight=False)
            bar.advance(epochs)

        try:
            return loop.train(arch, config, data, directory=directory, report=report, note=note).metrics
        except InvalidInput:
            raise
        except loop.OWN_REASONS as error:
            raise _ended(arch, error) from None


def schedule_of(directory: Path) -> dict[str, str]:
    """Return the schedules that a finished training followed under the name ``schedule``; nothing where it is one."""
    words = schedule_words(load_checkpoint(directory / LAST))
    return {"schedule": words} if words else {}


def set_aside(directory: Path) -> Path | None:
    """Move the training that a folder holds into a new folder below it; return that, None where there is no training.

    The last checkpoint goes last: a move that is cut off leaves a training that goes on.

    Raises:
        InvalidInput: the folder cannot be written.
    """
    held = [directory / name for name in (RAY_FOLDER, BEST, PREVIOUS, LAST) if (directory / name).exists()]
    if not held:
        return None
    kept = next(path for count in itertools.count(1) if not (path := directory / f"earlier-{count}").exists())
    try:
        kept.mkdir()
        for path in held:
            path.replace(kept / path.name)
        sync(kept)
        sync(directory)
    except OSError as error:
        raise InvalidInput(f"{directory} must be writable to keep its training in {kept}: {error.strerror}") from None
    return kept


def _with_other_epochs(found: Checkpoint, config: TrainConfig, directory: Path) -> Checkpoint | None:
    """Return a checkpoint as one of a training of the recipe's epochs; None where it has as many already."""
    return None if config.epochs == found.train.epochs else lengthened(found, config.epochs, directory)


def _check_going_on(
    found: Checkpoint, arch: Architecture, config: TrainConfig, data: DataConfig, directory: Path, *, resume: bool
) -> None:
    """Refuse to go on with another training, and say what may be done instead."""
    instead = INSTEAD
    if config.epochs > len(found.curve) and config.epochs != found.train.epochs:
        instead = f"--resume goes on to epoch {config.epochs}, {instead}"
    contents = data_contents(data)
    try:
        known = check_same_training(found, arch, config, data, contents, str(directory / LAST))
    except InvalidInput as error:
        raise InvalidInput(f"{error}; {instead}") from None
    if not known and not resume:
        raise InvalidInput(
            f"checkpoint {directory / LAST} does not say what its annotations held, and they are not where they were"
            f" ({found.data.get('root')}): if {data.root} is the same data, --resume goes on; {instead}"
        )


def evaluate_one(
    trained: TrainedNetwork,
    data: DataConfig,
    *,
    flip_test: bool,
    input_size: str | None,
    dump: Path | None,
    intervals: bool = False,
    follow: Follow = UNSEEN,
) -> dict[str, float]:
    """Return the metrics of a network on the validation people.

    Args:
        trained: The network.
        data: The data set.
        flip_test: Whether to average with the mirrored image.
        input_size: The input size in place of the network's own.
        dump: The file that receives the predictions.
        intervals: Whether the figure that ranks networks has the ends of its 95 % interval over images too, by its name and
            ``_low95`` and ``_high95``.
        follow: Shows how far the predictions are.
    """
    # The import takes pandas with it, which a training need not wait for.
    from analysis.errors.predictions import predictions_with
    from analysis.statistics.bootstrap import image_interval

    arch = resized(trained.arch, input_size=input_size)
    data = as_trained(data, trained)
    found = predictions_with(arch, trained.network, trained.train, data, flip_test=flip_test, follow=follow)
    if dump:
        write_json(dump, Evaluation(metrics=found.metrics, results=found.results).results_as_annotated(data))
    if not intervals:
        return found.metrics
    interval = image_interval(found.image_figures(), generator=np.random.default_rng(0))
    return found.metrics | {f"{data.accuracy}_low95": interval.low, f"{data.accuracy}_high95": interval.high}


def data_of_training(trained: TrainedNetwork, **changes: Any) -> DataConfig:
    """Return the data set that a network says it was trained on.

    Args:
        trained: The network.
        changes: Fields of the data that differ, such as the split to score.

    Raises:
        InvalidInput: the network does not say, as published ones and exports do not, or the data are not there any more.
    """
    if "root" not in trained.data:
        raise InvalidInput(f"--data must name a data set, because {trained.name} does not say which it was trained on")
    data = DataConfig.from_dict({**trained.data, **changes})
    if not data.root.is_dir():
        raise InvalidInput(f"--data must name a data set, because that of {trained.name} is gone from {data.root}")
    return data


def as_trained(data: DataConfig, trained: TrainedNetwork) -> DataConfig:
    """Return data with the keypoints, and unless a metric is given the metric, of a network's training.

    Annotation files are read in the order of the network's keypoints, whatever theirs is. Published checkpoints know
    neither, and exports no metric.
    """
    if not data.data_format.takes_own:
        return data
    theirs = {name: trained.data[name] for name in ("keypoints", "metric") if trained.data.get(name)}
    changes: dict[str, Any] = {}
    if "keypoints" in theirs and data.keypoints is None:
        changes["keypoints"] = theirs["keypoints"]
    if "metric" in theirs and data.metric is None and data.boxes == "gt":
        changes["metric"] = Metric.of(theirs["metric"])
    return dataclasses.replace(data, **changes) if changes else data


def describe_epoch(metrics: loop.Metrics, epochs: int) -> str:
    """An epoch in one line."""
    scores = "  ".join(f"{name} {format_value(name, value)}" for name, value in metrics.items() if name in ACCURACIES)
    teacher = f"  teacher {metrics[loop.TEACHER_COST]:.0f} ms a step" if loop.TEACHER_COST in metrics else ""
    return (
        f"epoch {metrics['epoch']:>3.0f}/{epochs}  loss {metrics['loss']:.6f}"
        f"  {metrics['samples_per_second']:.0f} samples/s  {metrics['seconds']:.0f} s{teacher}  {scores}"
    )


def _ended(arch: Architecture, error: Exception) -> InvalidInput:
    """The sentence a user gets for a training that ended for a reason of its own, with what may help."""
    advice: dict[type[Exception], str] = {
        loop.NonFiniteLossError: "; try a lower learning_rate",
        torch.OutOfMemoryError: "; try a smaller input size or network",
    }
    return InvalidInput(f"training of {arch.arch_id} ended: {error}{advice.get(type(error), '')}")


def _train_with_ray(
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    max_workers: int | None,
    threads: int,
    retries: int,
    begin: Callable[[], None],
    console: Console,
) -> loop.Metrics:
    from dite_search.driver.ray_session import start_ray
    from trainers.training.ray_trainer import fit

    loop.check_batch(config, workers)
    start_ray()
    begin()
    try:
        fit(
            arch,
            config,
            data,
            directory=directory,
            workers=workers,
            max_workers=max_workers,
            cpus_per_worker=threads,
            gpus_per_worker=1.0 if torch.cuda.is_available() else 0.0,
            retries=retries,
            name=directory.name,
            storage=directory / RAY_FOLDER,
        )
    except InvalidInput:
        raise
    except (*loop.OWN_REASONS, loop.WorkersLostError) as error:
        raise _ended(arch, error) from None
    curve = load_checkpoint(directory / LAST).curve
    for metrics in curve:
        console.print(describe_epoch(metrics, config.epochs), highlight=False)
    return curve[-1]
