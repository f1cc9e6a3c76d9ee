"""One network without a search: training it and scoring it from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput
from search_spaces.files import write_json
from search_spaces.hyperparameters import TrainConfig
from search_spaces.presets import resized
from trainers import engine
from trainers.checkpoint import LAST, load_any_network, load_checkpoint
from trainers.data.source import DataConfig, validation_set
from trainers.evaluation.scoring import evaluate


def train_one(
    arch: ArchConfig,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    threads: int | None,
    console: Console,
) -> engine.Metrics:
    """Train a network on ``workers`` processes and print every epoch; the metrics of the last.

    Raises:
        InvalidInput: as `trainers.engine.train`, and for a loss that is not finite.
    """
    cores = threads or max(1, (os.cpu_count() or 1) // workers)
    finished = len(load_checkpoint(directory / LAST).curve) if (directory / LAST).is_file() else 0
    if finished:
        console.print(f"Going on from epoch {finished} of {directory / LAST}", highlight=False)
    if workers > 1:
        return _train_with_ray(arch, config, data, directory=directory, workers=workers, threads=cores)
    torch.set_num_threads(cores)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        epochs = bar.add_task("epochs", total=config.epochs, completed=finished)

        def report(metrics: engine.Metrics, _: Path | None) -> None:
            console.print(describe_epoch(metrics, config.epochs), highlight=False)
            bar.advance(epochs)

        try:
            return engine.train(arch, config, data, directory=directory, report=report).metrics
        except engine.NonFiniteLossError as error:
            raise InvalidInput(f"training of {arch.arch_id} ended: {error}; try a lower learning_rate") from None


def evaluate_one(
    checkpoint: Path, data: DataConfig, *, flip_test: bool, input_size: str | None, dump: Path | None
) -> dict[str, float]:
    """The metrics of a checkpoint on the validation people, whose predictions ``dump`` receives."""
    arch, network = load_any_network(checkpoint)
    arch = resized(arch, input_size=input_size)
    device = engine.default_device()
    dataset = validation_set(data, arch, TrainConfig())
    scored = evaluate(network.to(device), dataset, data, flip_test=flip_test, device=device)
    if dump:
        write_json(dump, scored.results)
    return scored.metrics


def describe_epoch(metrics: engine.Metrics, epochs: int) -> str:
    """An epoch in one line."""
    scores = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items() if name.startswith(("ap_gt", "ap_det")))
    return (
        f"epoch {metrics['epoch']:>3.0f}/{epochs}  loss {metrics['loss']:.6f}"
        f"  {metrics['samples_per_second']:.0f} samples/s  {metrics['seconds']:.0f} s  {scores}"
    )


def _train_with_ray(
    arch: ArchConfig, config: TrainConfig, data: DataConfig, *, directory: Path, workers: int, threads: int
) -> engine.Metrics:
    from dite_search.runner import start_ray
    from dite_search.trainable import reason_of
    from trainers.ray_trainer import fit

    engine.check_batch(config, workers)
    start_ray()
    gpus = 1.0 if torch.cuda.is_available() else 0.0
    try:
        return fit(
            arch,
            config,
            data,
            directory=directory,
            workers=workers,
            cpus_per_worker=threads,
            gpus_per_worker=gpus,
            name="train",
            storage=directory / "ray_train",
        )
    except Exception as error:
        # Ray wraps what a worker raised in errors of its own; the cause is what a user can mend.
        raise InvalidInput(f"training on {workers} workers ended: {reason_of(error)}") from error
