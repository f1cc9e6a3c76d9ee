"""The last checkpoint of a trial as a file of this machine, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainers.checkpoints.store import local_copy

CACHE_FOLDER = "downloaded"
"""Below a study's folder: checkpoints from an object store, each downloaded once."""


def checkpoint_file(study: StudyRecord, record: TrialRecord) -> Path:
    """Return the file of the checkpoint of a trial that has one; raises `InvalidInput` where it cannot be read."""
    assert record.checkpoint is not None, record.number
    return local_copy(record.checkpoint, study.directory / CACHE_FOLDER)


def trial_checkpoint(study: StudyRecord, record: TrialRecord) -> tuple[Path, Checkpoint]:
    """Return the file and the content of the checkpoint of a trial that has one.

    Raises:
        InvalidInput: the file cannot be read, is broken, or holds another architecture than the trial.
    """
    path = checkpoint_file(study, record)
    checkpoint = load_checkpoint(path)
    if checkpoint.arch.arch_id != record.arch.arch_id:
        raise InvalidInput(
            f"checkpoint {record.checkpoint} must hold architecture {record.arch.arch_id} of trial {record.number}, "
            f"got {checkpoint.arch.arch_id}"
        )
    return path, checkpoint
