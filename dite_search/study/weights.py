"""The weights that the trainings of a study begin or learn from: the study keeps copies, which outlive the files."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from dite_search.config.search_config import SearchConfig
from search_spaces.common.errors import InvalidInput
from search_spaces.starting_weights import ARCH_FILE, SHOWN_DIGITS, WeightsFile
from search_spaces.training_config import TrainConfig

WEIGHTS_FOLDER = "weights"


def keep_weights(config: SearchConfig) -> None:
    """Copy the files of weights of a new search into the folder of its study, which every node sees.

    Raises:
        InvalidInput: a file cannot be read, or is not the one that the search names.
        OSError: the folder cannot be written.
    """
    training = config.train_config
    files = {"start_from": training.start_from, "distill.teacher": training.distill.teacher if training.distill else None}
    for field, file in files.items():
        if file is None or not file.sha256 or _kept(config, file).is_file():
            continue
        try:
            content = file.read(field)
        except InvalidInput as error:
            raise InvalidInput(f"training.{error}") from None
        target = _kept(config, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = file.path.parent / ARCH_FILE
        if beside.is_file():
            shutil.copyfile(beside, target.parent / ARCH_FILE)
        target.write_bytes(content)


def with_kept_weights(config: SearchConfig, training: TrainConfig) -> TrainConfig:
    """Return the recipe of a trial with its files of weights where the study keeps them."""
    start, distill = training.start_from, training.distill
    if distill is not None:
        distill = dataclasses.replace(distill, teacher=_found(config, distill.teacher))
    return dataclasses.replace(training, start_from=start and _found(config, start), distill=distill)


def _found(config: SearchConfig, file: WeightsFile) -> WeightsFile:
    kept = _kept(config, file)
    return dataclasses.replace(file, file=str(kept)) if file.sha256 and kept.is_file() else file


def _kept(config: SearchConfig, file: WeightsFile) -> Path:
    """Return the place of a file in the study's folder: by what it holds, under its own name."""
    return config.study_directory / WEIGHTS_FOLDER / file.sha256[:SHOWN_DIGITS] / f"weights{Path(file.path).suffix}"
