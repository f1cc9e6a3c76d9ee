"""Whether a training may go on from a checkpoint: the same network, the same recipe, the same data by contents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import COMPUTATION, TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.data.config import DataConfig
from trainers.data.identity import CONTENTS, data_contents, files_of
from trainers.processes.distributed import Worker

PLACES = ("root", "detections", "prepared", "name", "workers", "on_broken_image")
"""Fields of the data that say where they lie or how they are loaded: a training may go on with others."""


def check_same_training(
    checkpoint: Checkpoint,
    arch: Architecture,
    config: TrainConfig,
    data: DataConfig,
    contents: Mapping[str, str],
    name: str,
    supernet: Mapping[str, Any] | None = None,
) -> bool:
    """Refuse to go on from a checkpoint of another training; return whether its data are known to be the same.

    They are not known where an earlier version wrote the checkpoint and its data are no longer where they were.

    Args:
        checkpoint: The checkpoint to go on from.
        arch: The network of the training.
        config: Its recipe.
        data: Its data set.
        contents: The digests of the files of ``data``, as of `data_contents`.
        name: The name of the checkpoint in messages.
        supernet: The space and the settings of shared weights; None for one network.

    Raises:
        InvalidInput: the message names what differs, with both values.
    """
    _check_supernet(checkpoint.supernet, supernet, name)
    if checkpoint.arch.arch_id != arch.arch_id:
        raise InvalidInput(
            f"checkpoint {name} must be of network {arch.arch_id} to go on from it, got {checkpoint.arch.arch_id}"
        )
    theirs, ours = checkpoint.train.identity(), config.identity()
    for field in dict.fromkeys([*ours, *theirs]):
        value, before = ours.get(field), theirs.get(field)
        if field not in COMPUTATION and before != value:
            raise InvalidInput(f"checkpoint {name} must have {field} {value!r} to go on from it, got {before!r}")
    _check_protocol(checkpoint.data, data, name)
    known = checkpoint.contents or _contents_found(checkpoint.data, data, contents)
    for part, file in files_of(data).items():
        if part in known and known[part] != contents[part]:
            raise InvalidInput(
                f"checkpoint {name} must be of the same data to go on from it, but its {CONTENTS[part]}"
                f" ({checkpoint.data.get('root', 'elsewhere')}) held something else than {file}"
            )
    return bool(known)


def check_same_progress(checkpoint: Checkpoint | None, worker: Worker) -> None:
    """Refuse to begin from different checkpoints, where one process reads what another cannot: a new start may help."""
    begins = worker.gather((len(checkpoint.curve), checkpoint.position) if checkpoint else (0, 0))
    if len(set(begins)) > 1:
        raise RuntimeError(
            "the processes of a training must begin at one checkpoint, but by epochs and batches they begin at"
            f" {', '.join(f'{epochs} and {batches}' for epochs, batches in begins)}"
        )


def _check_supernet(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any] | None, name: str) -> None:
    """Refuse shared weights of another space or other settings, and a network's in the place of shared weights."""
    if (theirs is None) != (ours is None):
        kinds = ("one network", "weights that networks of a space share")
        raise InvalidInput(
            f"checkpoint {name} must hold {kinds[ours is not None]} to go on from it, got {kinds[theirs is not None]}"
        )
    for field, value in (ours or {}).items():
        before = (theirs or {}).get(field)
        if before != value:
            raise InvalidInput(f"checkpoint {name} must have supernet {field} {value!r} to go on from it, got {before!r}")


def _check_protocol(theirs: Mapping[str, Any], data: DataConfig, name: str) -> None:
    """Refuse data that are split, boxed or read in another way."""
    defaults = {field.name: field.default for field in dataclasses.fields(DataConfig)}
    for field, value in data.to_dict().items():
        before = theirs.get(field, defaults[field])
        if field not in PLACES and before != value:
            raise InvalidInput(f"checkpoint {name} must be of data with {field} {value!r} to go on from it, got {before!r}")


def _contents_found(theirs: Mapping[str, Any], data: DataConfig, contents: Mapping[str, str]) -> Mapping[str, str]:
    """The digests of the data that a checkpoint of an earlier version names; nothing where they are gone."""
    try:
        before = DataConfig.from_dict(theirs)
        return contents if files_of(before) == files_of(data) else data_contents(before)
    except (InvalidInput, TypeError):
        return {}
