"""The folder of a training from the command line: the one that is asked for, or one of those that number themselves."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import check_output
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.data.identity import data_contents
from trainers.training.same_training import check_same_training

FIRST = Path("runs/train")
"""The folder of the first training; those after it are ``runs/train-2`` and so on."""


@contextmanager
def training_folder(
    output: str | None,
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    *,
    resume: bool,
    console: Console,
) -> Iterator[Path]:
    """Choose the folder of a training until the block ends: a folder that is left empty is taken away again.

    Without ``output`` it is the numbered folder that holds the same training, else a new one, which the console is told.

    Args:
        output: The folder that is asked for; None chooses.
        arch: The network.
        config: The recipe.
        data: The data set.
        resume: Whether there must be a training to go on with, which may have been begun with other epochs.
        console: The place of the output.

    Raises:
        InvalidInput: the folder cannot be written; or there is none to resume.
    """
    if output is not None:
        yield Path(output)
        return
    reasons: dict[Path, str] = {}
    held = [(folder, any_epochs) for any_epochs in (False, True)[: 1 + resume] for folder in numbered_folders(FIRST)[::-1]]
    contents = data_contents(data) if held else {}
    for folder, any_epochs in held:
        reasons[folder] = _difference(folder, arch, config, data, contents, resume=resume, any_epochs=any_epochs)
        if not reasons[folder]:
            yield folder
            return
    reason = next(iter(reasons.values()), f"{FIRST} holds none")
    if resume:
        raise InvalidInput(f"--resume must be given for a training to go on with, but {reason}; --output names its folder")
    check_output(FIRST, is_folder=True)
    place = claimed(FIRST)
    if reasons:
        console.print(f"Training in {place}: {reason}", highlight=False, markup=False, soft_wrap=True)
    try:
        yield place
    finally:
        if not any(place.iterdir()):
            place.rmdir()


def numbered_folders(first: Path) -> list[Path]:
    """Return the folders of a row that exist, by their numbers."""
    pattern = re.compile(rf"{re.escape(first.name)}(?:-([1-9]\d*))?")
    found = {
        int(match[1] or 1): path
        for path in (first.parent.iterdir() if first.parent.is_dir() else ())
        if path.is_dir() and (match := pattern.fullmatch(path.name)) and match[1] != "1"
    }
    return [found[number] for number in sorted(found)]


def claimed(first: Path) -> Path:
    """Make the next folder of a row, after the last that exists, and return it; no other process gets the same."""
    while True:
        last = numbered_folders(first)
        number = int(last[-1].name.removeprefix(first.name).lstrip("-") or 1) + 1 if last else 1
        place = first if number == 1 else first.with_name(f"{first.name}-{number}")
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            if not place.is_dir():
                raise InvalidInput(f"{place} must be a folder or free for a training, but it is a file") from None
            continue
        return place


def _difference(
    folder: Path,
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    contents: Mapping[str, str],
    *,
    resume: bool,
    any_epochs: bool,
) -> str:
    """Return why a folder does not hold the training that is wanted, which may have other epochs; empty where it does."""
    try:
        found = CheckpointStore(folder, note=lambda sentence: None).load()
        if found is None:
            return f"{folder} holds no checkpoint"
        config = config.identified(found.train)
        if any_epochs:
            config = dataclasses.replace(config, epochs=found.train.epochs)
        known = check_same_training(found, arch, config, data, contents, str(folder / LAST))
    except InvalidInput as error:
        return str(error)
    return "" if known or resume else f"{folder} does not say what its annotations held; --resume goes on with it"
