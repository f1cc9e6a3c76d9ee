"""The places of shared weights: the folder of a study, or where its search keeps checkpoints."""

from __future__ import annotations

from pathlib import Path

from dite_search.config.search_config import SearchConfig
from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.location import Location, below, located

FOLDER = "supernet"
"""The folder of the shared weights and of their scores, in the study's folder."""


def supernet_location(config: SearchConfig) -> Location:
    """Return the place of the checkpoints: the study's folder, or where the search keeps checkpoints."""
    if config.checkpoints is None:
        return config.study_directory / FOLDER
    return below(located(config.checkpoints), f"{config.name}-{FOLDER}")


def supernet_folder(name: str | Path, directory: str | Path) -> Path:
    """Return the folder of shared weights that a study's folder, or its name below ``directory``, holds.

    Raises:
        InvalidInput: there is none; the message lists those there are.
    """
    for study in (Path(name), Path(directory) / name):
        if (study / FOLDER).is_dir():
            return study / FOLDER
    known = sorted(path.parent.name for path in Path(directory).glob(f"*/{FOLDER}"))
    there = f"studies with some in {directory}: {', '.join(known)}" if known else f"no study in {directory} has any"
    raise InvalidInput(f"shared weights of study {str(name)!r} do not exist: {there}")
