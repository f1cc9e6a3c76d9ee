"""Export the network of a finished trial, with the data that it was trained and scored on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from analysis.export.directory import require_replaceable
from analysis.export.model_card import card_of
from analysis.export.network import NO_DATA, Exported, export_network
from analysis.export.options import ESSENTIAL, Parts
from analysis.export.study_data import StudyData, data_of
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_checkpoint import trial_checkpoint
from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.networks.load import load_weights
from trainers.networks.registry import build_network


def export_trial(
    study: StudyRecord,
    record: TrialRecord,
    directory: Path,
    *,
    threads: int | None = None,
    parts: Parts = ESSENTIAL,
    data_root: Path | None = None,
) -> Exported:
    """Export the network of a trial's checkpoint.

    A checkpoint in an object store is downloaded to a folder below the study's, once.

    Args:
        study: The study.
        record: The trial.
        directory: The folder of the export.
        threads: As in `export_network`.
        parts: As in `export_network`.
        data_root: The folder of the data; by default it is where the checkpoint says.

    Raises:
        InvalidInput: the trial has no checkpoint, it cannot be read, or it holds another architecture than the trial. A
            given ``data_root`` cannot be read. Also as `export_network`.
    """
    if record.checkpoint is None:
        raise InvalidInput(f"trial {record.number} has no checkpoint to export")
    require_replaceable(Path(directory))
    path, checkpoint = trial_checkpoint(study, record)
    arch = checkpoint.arch
    network = build_network(arch)
    load_weights(network, checkpoint.weights, f"checkpoint {path}")
    data, no_data = _data(checkpoint, data_root)
    return export_network(
        arch,
        network,
        directory,
        card=dataclasses.replace(card_of(study, record), keypoint_set=checkpoint.keypoint_set),
        threads=threads,
        parts=parts,
        data=data,
        no_data=no_data,
    )


def _data(checkpoint: Checkpoint, root: Path | None) -> tuple[StudyData | None, str]:
    """The data of a checkpoint, or why there are none; a mistake in a folder that the user named is the user's to hear."""
    try:
        data = data_of(checkpoint, root)
        if root is not None:
            data.validation_crops(1)
    except InvalidInput as error:
        if root is not None:
            raise
        return None, str(error) or NO_DATA
    return data, ""
