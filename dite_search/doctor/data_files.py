"""The data: files that a training reads, looked for here and on every node."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import undrawn_data_of
from dite_search.doctor.findings import FAILED, OK, Finding, listed
from dite_search.doctor.probe import readable
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import shell_command

NAME = "data"
_IMAGES = (".jpg", ".jpeg", ".png")
_REMEDY = "data.root of the file, or --data FOLDER: a data set in its published layout"


def files_of(config: SearchConfig) -> list[str]:
    """The annotations and one image of each split, the detections, and the prepared set; none of drawn data.

    Raises:
        InvalidInput: a file or a folder is missing.
    """
    section = config.data
    if section.folder is None:
        return []
    data, files = undrawn_data_of(config), []
    for split in dict.fromkeys((section.train_split, section.val_split)):
        folder = data.image_dir(split)
        image = next((path for path in _files_below(folder) if path.suffix.lower() in _IMAGES), None)
        if image is None:
            raise InvalidInput(f"image folder {folder} must hold images (.jpg or .png), but there is none")
        files += [str(data.annotation_file(split)), str(image)]
    files += [str(Path(path).absolute()) for path in (section.detections, section.prepared) if path]
    return files


def data_finding(config: SearchConfig) -> Finding:
    """Whether the files of the data are there and can be opened here, as far as that is known in no time."""
    if config.data.folder is None:
        return Finding(name=NAME, status=OK, sentence="the images are drawn in the folder of the studies")
    try:
        files = files_of(config)
    except (InvalidInput, OSError) as error:
        return Finding(name=NAME, status=FAILED, sentence=str(error), remedy=_REMEDY)
    for file in files:
        found = readable(file)
        if "error" in found:
            sentence = f"{file} cannot be read: {str(found['error']).lower()}"
            return Finding(
                name=NAME,
                status=FAILED,
                sentence=sentence,
                remedy=f"{shell_command('chmod', 'a+r', file)}, or correct its path",
            )
    return Finding(name=NAME, status=OK, sentence=f"annotations and images in {config.data.folder} can be read")


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those within it, as annotations may name both."""
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)


def shared_data_finding(files: list[str], answers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Finding:
    """Whether nodes read the files that we do, from the answers of `probe` on each of them by label."""
    for file in files:
        ours = readable(file)
        wrong = {label: found[file] for label, found in answers.items() if found[file] != ours}
        if wrong:
            first = next(iter(wrong.values()))
            reason = str(first["error"]).lower() if "error" in first else f"it has {first['size']} bytes there"
            return Finding(
                name="shared data",
                status=FAILED,
                sentence=f"{file} cannot be read on {listed(list(wrong))} as it is here: {reason}",
                remedy="data.root: a folder that every node mounts at the same path, or a copy on each",
            )
    return Finding(name="shared data", status=OK, sentence=f"{len(answers)} nodes read the same data")
