"""Checkpoints: everything a training needs to go on, or a network to be rebuilt, in one file of plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.registry import architecture_from
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.files import FolderFiles
from trainers.checkpoints.location import BEST, LAST, PREVIOUS
from trainers.checkpoints.torch_file import parse_torch_file, read_torch_file, torch_file_bytes
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.data_format import FORMATS
from trainers.data.keypoint_sets.fields import from_plain

__all__ = [
    "BEST",
    "LAST",
    "PREVIOUS",
    "Checkpoint",
    "checkpoint_bytes",
    "load_checkpoint",
    "load_shared_checkpoint",
    "parse_checkpoint",
    "save_checkpoint",
]

FORMAT = 2
OPTIONAL = ("taken", "supernet", "lengthened")
"""Fields that a file holds only where they say something."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training after the epochs in ``curve`` and some batches of the next.

    Args:
        arch: The network.
        train: The recipe.
        data: The data set and the protocol as plain values.
        state: The learner's ``network``, ``optimizer``, ``scaler``, ``average`` (None without one) and ``averaged_steps``.
        curve: The finished epochs.
        position: The number of batches that are learned of the next epoch.
        loss: The sum of their losses.
        seconds: The time spent so far.
        contents: The digests of the data's files (`trainers.data.identity.data_contents`), which earlier versions lack.
        taken: The share of the parameters that were taken of other weights; None from scratch.
        supernet: The space and the settings of weights that many networks share, as plain values; None for one network.
        lengthened: The finished epochs and the epochs of the schedule at each change of the latter; None without one.
    """

    arch: Architecture
    train: TrainConfig
    data: Mapping[str, Any]
    state: Mapping[str, Any]
    curve: list[dict[str, float]] = field(default_factory=list)
    position: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    contents: Mapping[str, str] = field(default_factory=dict)
    taken: float | None = None
    supernet: Mapping[str, Any] | None = None
    lengthened: list[list[int]] | None = None

    @property
    def keypoint_set(self) -> KeypointSet | None:
        """The keypoints of the network, by their names; None where the checkpoint does not say of what data it is."""
        own, known = self.data.get("keypoints"), FORMATS.get(str(self.data.get("format", "")))
        return from_plain(own, None, "keypoints of the checkpoint") if own else known.keypoint_set if known else None

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The weights to score and to ship: the averaged ones where there are any."""
        weights: Mapping[str, Tensor] = self.state["average"] or self.state["network"]
        return weights


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        StorageFull: the disk is full; what was there before is still there.
        InvalidInput: the folder cannot be written.
    """
    FolderFiles(Path(path).parent).write(Path(path).name, checkpoint_bytes(checkpoint))


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint's file."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    content |= {
        "format": FORMAT,
        "arch": checkpoint.arch.to_dict(),
        "train": checkpoint.train.to_dict(),
        "data": dict(checkpoint.data),
        "contents": dict(checkpoint.contents),
        "state": dict(checkpoint.state),
    }
    for name in OPTIONAL:
        if content[name] is None:
            del content[name]
    return torch_file_bytes(content)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint of a network without running any code it may hold.

    Raises:
        InvalidInput: the file is missing, cut short or altered, no checkpoint of ours, of another format, or shared weights.
    """
    checkpoint = _checkpoint(read_torch_file(path), str(path))
    if checkpoint.supernet is not None:
        raise InvalidInput(f"checkpoint {path} must be of one network, but it holds weights that networks of a space share")
    return checkpoint


def load_shared_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint of shared weights.

    Raises:
        InvalidInput: as `load_checkpoint`, but for the checkpoint of one network.
    """
    checkpoint = _checkpoint(read_torch_file(path), str(path))
    if checkpoint.supernet is None:
        raise InvalidInput(f"checkpoint {path} must hold weights that networks of a space share, but it is of one network")
    return checkpoint


def parse_checkpoint(data: bytes, name: str) -> Checkpoint:
    """The checkpoint in the bytes of its file, which ``name`` names in messages.

    Raises:
        InvalidInput: as `load_checkpoint`; `trainers.checkpoints.torch_file.BrokenFile` where it is cut short or altered.
    """
    return _checkpoint(parse_torch_file(data, name), name)


def _checkpoint(content: Mapping[str, Any], name: str) -> Checkpoint:
    if content.get("format", FORMAT) != FORMAT:
        raise InvalidInput(f"checkpoint {name} must have format {FORMAT}, got {content['format']!r}")
    content = {"contents": {}, **dict.fromkeys(OPTIONAL), **content}
    names = [field.name for field in fields(Checkpoint)]
    for field_name in ("format", *names):
        _require(field_name in content, name, f"the field {field_name!r}")
    _require(isinstance(content["data"], Mapping), name, "named fields in the field 'data'")
    _require(_is_texts(content["contents"]), name, "digests in the field 'contents'")
    _require(content["taken"] is None or isinstance(content["taken"], float), name, "a number in the field 'taken'")
    is_named = content["supernet"] is None or isinstance(content["supernet"], Mapping)
    _require(is_named, name, "named fields in the field 'supernet'")
    _require(_is_pairs(content["lengthened"]), name, "pairs of epochs in the field 'lengthened'")
    state = content["state"]
    for part in ("network", "optimizer", "scaler", "average", "averaged_steps"):
        _require(isinstance(state, Mapping) and part in state, name, f"the field 'state.{part}'")
    try:
        arch, train = architecture_from(content["arch"]), TrainConfig.from_dict(content["train"])
    except (InvalidInput, TypeError, AttributeError) as error:
        raise InvalidInput(f"checkpoint {name}: {error}") from None
    return Checkpoint(**{field_name: content[field_name] for field_name in names} | {"arch": arch, "train": train})


def _is_texts(values: Any) -> bool:
    return isinstance(values, Mapping) and all(isinstance(text, str) for item in values.items() for text in item)


def _is_pairs(values: Any) -> bool:
    pairs = values if isinstance(values, list) else [values]
    return values is None or all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, int) for each in pair) for pair in pairs
    )


def _require(held: bool, name: str, what: str) -> None:
    if not held:
        raise InvalidInput(f"checkpoint {name} must hold {what}; is it a dite-search checkpoint?")
