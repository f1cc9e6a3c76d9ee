"""One network without a search: training it and scoring it from the command line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
from trainers.checkpoint_store import CheckpointStore, local_copy
from trainers.data.formats import ACCURACIES
from trainers.data.source import DataConfig, validation_set
from trainers.distributed import Worker, default_device
from trainers.evaluation.scoring import evaluate
from trainers.location import S3, Location, located
from trainers.torch_file import read_torch_file


def train_one(
    arch: ArchConfig,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    max_workers: int | None = None,
    threads: int | None,
    retries: int = 1,
    console: Console,
) -> engine.Metrics:
    """Train a network on ``workers`` processes and print every epoch; the metrics of the last.

    Raises:
        InvalidInput: as `trainers.engine.train`, and for a training that ends for a reason of its own.
    """
    cores = threads or max(1, (os.cpu_count() or 1) // workers)
    # The training itself says where it begins, if that is not the last checkpoint.
    found = CheckpointStore(directory, note=lambda sentence: None).load()
    finished = len(found.curve) if found else 0
    if finished:
        console.print(f"Going on from epoch {finished} of {directory / LAST}", highlight=False)
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
            console=console,
        )
    torch.set_num_threads(cores)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        epochs = bar.add_task("epochs", total=config.epochs, completed=finished)

        def report(metrics: engine.Metrics, _: Location | None) -> None:
            console.print(describe_epoch(metrics, config.epochs), highlight=False)
            bar.advance(epochs)

        def say(sentence: str) -> None:
            console.print(sentence, highlight=False, markup=False)

        try:
            return engine.train(arch, config, data, directory=directory, report=report, note=say).metrics
        except InvalidInput:
            raise
        except engine.OWN_REASONS as error:
            raise _ended(arch, error) from None


@contextmanager
def checkpoint_file(text: str) -> Iterator[Path]:
    """The file of a checkpoint that a user named by a path, a ``file:///`` URL or an ``s3://`` URL, until the block ends.

    Raises:
        InvalidInput: it is none of these, or the object cannot be had.
    """
    scheme, found, _ = text.partition("://")
    if found and scheme not in ("file", "s3"):
        raise InvalidInput(
            f"a checkpoint must be a file, file:///file or s3://bucket/key, got {scheme[:20]}://…; download it first"
        )
    if text.startswith(S3):
        with tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
            yield local_copy(located(text), Path(folder))
        return
    path = located(text)
    assert isinstance(path, Path)
    yield path


def evaluate_one(
    checkpoint: Path, data: DataConfig, *, flip_test: bool, input_size: str | None, dump: Path | None
) -> dict[str, float]:
    """The metrics of a checkpoint on the validation people, whose predictions ``dump`` receives."""
    arch, network = load_any_network(checkpoint)
    arch = resized(arch, input_size=input_size)
    worker = Worker(device=default_device())
    dataset = validation_set(data, arch, trained_with(checkpoint))
    scored = evaluate(network.to(worker.device), dataset, data, flip_test=flip_test, worker=worker)
    assert scored is not None, "one process has the scores"
    if dump:
        write_json(dump, scored.results_as_annotated(data))
    return scored.metrics


def trained_with(checkpoint: Path) -> TrainConfig:
    """The hyper-parameters of a checkpoint's training, which say how heatmaps are read; the paper's for a published one."""
    return TrainConfig() if "state_dict" in read_torch_file(checkpoint) else load_checkpoint(checkpoint).train


def describe_epoch(metrics: engine.Metrics, epochs: int) -> str:
    """An epoch in one line."""
    scores = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items() if name in ACCURACIES)
    return (
        f"epoch {metrics['epoch']:>3.0f}/{epochs}  loss {metrics['loss']:.6f}"
        f"  {metrics['samples_per_second']:.0f} samples/s  {metrics['seconds']:.0f} s  {scores}"
    )


def _ended(arch: ArchConfig, error: Exception) -> InvalidInput:
    """The sentence a user gets for a training that ended for a reason of its own, with what may help."""
    advice: dict[type[Exception], str] = {
        engine.NonFiniteLossError: "; try a lower learning_rate",
        torch.OutOfMemoryError: "; try a smaller input size or network",
    }
    return InvalidInput(f"training of {arch.arch_id} ended: {error}{advice.get(type(error), '')}")


def _train_with_ray(
    arch: ArchConfig,
    config: TrainConfig,
    data: DataConfig,
    *,
    directory: Path,
    workers: int,
    max_workers: int | None,
    threads: int,
    retries: int,
    console: Console,
) -> engine.Metrics:
    from dite_search.ray_session import start_ray
    from trainers.ray_trainer import fit

    engine.check_batch(config, workers)
    start_ray()
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
            storage=directory / "ray_train",
        )
    except InvalidInput:
        raise
    except (*engine.OWN_REASONS, engine.WorkersLostError) as error:
        raise _ended(arch, error) from None
    curve = load_checkpoint(directory / LAST).curve
    for metrics in curve:
        console.print(describe_epoch(metrics, config.epochs), highlight=False)
    return curve[-1]
