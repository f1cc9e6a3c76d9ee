"""The training of weights that the networks of a search's space share, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import data_of
from dite_search.supernet.place import FOLDER, supernet_location
from dite_search.tasks.supernet.supernet_run import SupernetRun
from dite_search.tasks.train_and_evaluate import RAY_FOLDER, set_aside
from dite_search.tracking.client import tracker_of
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.elastic_space import ElasticSpace, check_sharing, elastic_space
from search_spaces.supernet_config import SupernetConfig
from trainers.checkpoints.checkpoint import LAST, Checkpoint
from trainers.checkpoints.location import Location
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.data.identity import data_contents
from trainers.data.samples.datasets import training_set
from trainers.training import loop
from trainers.training.lengthening import lengthened, schedule_words, sentences_on
from trainers.training.same_training import check_same_training
from trainers.training.supernet_loop import LOSSES, identity_of, train_supernet

LARGEST, SMALLEST = LOSSES


def train_shared_weights(config: SearchConfig, *, restart: bool, resume: bool = False, console: Console) -> dict[str, Any]:
    """Train the shared weights of a search's space, or go on with them, and return the figures of the last epoch.

    Args:
        config: The search.
        restart: Whether the training begins anew; what there is is kept in a folder below it.
        resume: Whether there must be weights to go on with, for the epochs of the search also where they had others.
        console: The place of the output.

    Raises:
        InvalidInput: the networks cannot share weights, the place holds another training, or the training ends for a
            reason of its own.
    """
    if resume and restart:
        raise InvalidInput("--resume and --restart must not be given together: one goes on, the other begins anew")
    check_sharing(config.search_space, config.supernet_config, config.train_config)
    recipe = config.supernet_config.recipe(config.train_config)
    elastic = elastic_space(config.search_space, config.network_budget)
    place = supernet_location(config)
    _say_space(elastic, config, console)
    data = data_of(config, console)
    loop.check_batch(recipe, config.resources.workers)
    tracker = tracker_of(config)
    if restart:
        if not isinstance(place, Path):
            raise InvalidInput(f"--restart needs checkpoints in a folder, got {place}: name another study by --name")
        # What keeps the new training from beginning has to show while the old one is in its place.
        training_set(data, elastic.largest, recipe)
        kept = set_aside(place)
        if kept:
            _say(console, f"The training that {place} held is kept in {kept}")
    if resume:
        _take_other_epochs(config, elastic, data, place, console)
    found = found_weights(config, elastic, data, place)
    finished = len(found.curve) if found else 0
    if finished:
        _say(console, f"Going on from epoch {finished} of {place}")
    params = {"space": elastic.space.name, **config.supernet_config.to_dict(), "seed": recipe.seed}
    run = SupernetRun(tracker, config.name, params)
    curve: list[loop.Metrics] = []
    try:
        if config.resources.workers > 1 or config.resources.max_workers is not None:
            curve = _with_ray(config, elastic, data, place)
            for metrics in curve:
                _say(console, describe(metrics, recipe.epochs))
        else:
            _alone(config, elastic, data, place, run=run, curve=curve, finished=finished, console=console)
    except (InvalidInput, *loop.OWN_REASONS, *loop.OUTAGES) as error:
        run.end(curve, failed=str(error))
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"training of shared weights ended: {error}") from None
    run.end(curve)
    if run.lacks:
        _say(console, f"MLflow lacks figures of this training, because it did not take them: {run.lacks}")
    checkpoint = CheckpointStore(place).load()
    words = schedule_words(checkpoint) if checkpoint else ""
    return {"supernet": str(place), **curve[-1], **({"schedule": words} if words else {})}


def describe(metrics: loop.Metrics, epochs: int) -> str:
    """Return an epoch in one line, with the time that is left."""
    done = metrics["epoch"]
    left = metrics["seconds"] / done * (epochs - done)
    return (
        f"epoch {done:>3.0f}/{epochs}  largest {metrics[LARGEST]:.6f}  smallest {metrics[SMALLEST]:.6f}"
        f"  {metrics['samples_per_second']:.0f} samples/s  {metrics['seconds']:.0f} s, {left:.0f} s left"
    )


def _alone(
    config: SearchConfig,
    elastic: ElasticSpace,
    data: DataConfig,
    place: Location,
    *,
    run: SupernetRun,
    curve: list[loop.Metrics],
    finished: int,
    console: Console,
) -> None:
    """Train in this process; ``curve`` receives every epoch."""
    settings = config.supernet_config
    torch.set_num_threads(config.resources.cpus_per_worker)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        epochs = bar.add_task("epochs", total=settings.epochs, completed=finished)

        def report(metrics: loop.Metrics, _: Location | None) -> None:
            curve.append(metrics)
            run.report(curve)
            if len(curve) > finished:
                _say(console, describe(metrics, settings.epochs))
                bar.advance(epochs)

        train_supernet(
            elastic,
            settings,
            config.train_config,
            data,
            directory=place,
            report=report,
            note=lambda sentence: _say(console, sentence),
        )


def _with_ray(config: SearchConfig, elastic: ElasticSpace, data: DataConfig, place: Location) -> list[loop.Metrics]:
    """Train on Ray Train workers, and return the curve."""
    from dite_search.driver.ray_session import start_ray
    from trainers.training.ray_trainer import SharedTraining, fit

    start_ray()
    resources = config.resources
    fit(
        elastic.largest,
        config.train_config,
        data,
        directory=place,
        workers=resources.workers,
        max_workers=resources.max_workers,
        cpus_per_worker=resources.cpus_per_worker,
        gpus_per_worker=resources.gpus_per_worker,
        retries=config.retries,
        name=f"{config.name}-{FOLDER}",
        storage=config.study_directory / FOLDER / RAY_FOLDER,
        shared=SharedTraining(elastic=elastic, settings=config.supernet_config),
    )
    checkpoint = CheckpointStore(place).load()
    assert checkpoint is not None, "a training that ends has written a checkpoint"
    return checkpoint.curve


def found_weights(config: SearchConfig, elastic: ElasticSpace, data: DataConfig, place: Location) -> Checkpoint | None:
    """Return the last checkpoint of the shared weights of a search; None where their place holds none.

    Raises:
        InvalidInput: the place holds another training.
    """
    store = CheckpointStore(place, note=lambda sentence: None)
    found = store.load()
    if found is not None:
        _check_same(found, config, elastic, data, str(store.where(LAST)))
    return found


def _check_same(found: Checkpoint, config: SearchConfig, elastic: ElasticSpace, data: DataConfig, name: str) -> None:
    """Refuse a checkpoint of other shared weights, and say what may be done instead."""
    settings: SupernetConfig = config.supernet_config
    recipe = settings.recipe(config.train_config)
    try:
        check_same_training(found, elastic.largest, recipe, data, data_contents(data), name, identity_of(elastic, settings))
    except InvalidInput as error:
        instead = "--name names another study, and --restart begins anew and keeps what is there"
        if found.supernet is not None and recipe.epochs > len(found.curve) and recipe.epochs != found.train.epochs:
            instead = f"supernet train --resume goes on to epoch {recipe.epochs}, {instead}"
        raise InvalidInput(f"{error}; {instead}") from None


def _take_other_epochs(
    config: SearchConfig, elastic: ElasticSpace, data: DataConfig, place: Location, console: Console
) -> None:
    """Make the last checkpoint that of a training of the search's epochs, where it was begun with others.

    Raises:
        InvalidInput: there is no checkpoint, or it is of other shared weights, or has as many epochs already.
    """
    store = CheckpointStore(place, note=lambda sentence: None)
    found, settings = store.load(), config.supernet_config
    if found is None:
        raise InvalidInput(f"--resume must be given for shared weights to go on with, but {place} holds none")
    if found.supernet is None or found.train.epochs == settings.epochs:
        return
    changed = lengthened(found, settings.epochs, str(place))
    _check_same(changed, config, elastic, data, str(store.where(LAST)))
    store.save(changed)
    for sentence in sentences_on(found, changed):
        _say(console, sentence)
    finished = len(found.curve)
    before, after = (settings.distillation_at(finished / each.train.epochs) for each in (found, changed))
    if before != after:
        _say(console, f"The largest network's share in the targets goes from {before:.2g} to {after:.2g} there.")
    _say(console, f"Later commands need epochs: {settings.epochs} in the section supernet of the search file.")


def _say_space(elastic: ElasticSpace, config: SearchConfig, console: Console) -> None:
    """Say which networks learn, and which limits of the budget hold for them."""
    low, high = (cost_of(arch).macs / 1e6 for arch in (elastic.smallest, elastic.largest))
    _say(console, f"Shared weights of space {elastic.space.name}: networks from {low:.0f} to {high:.0f} MMACs")
    counted = cost_of(elastic.largest).objectives
    measured = [str(limit) for limit in config.network_budget.constraints if limit.cost not in counted]
    if measured:
        _say(console, f"Networks beyond {' and '.join(measured)} learn too: only what is counted can be limited here")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
