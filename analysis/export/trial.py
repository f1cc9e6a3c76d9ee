"""Export the network of a finished trial or of a checkpoint, with the data that it was trained and scored on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from analysis.export.directory import require_replaceable
from analysis.export.model_card import ModelCard, card_of
from analysis.export.network import NO_DATA, Exported, export_network
from analysis.export.options import ESSENTIAL, Parts
from analysis.export.study_data import StudyData, data_of
from analysis.study.labels import number_words
from analysis.study.published_results import recipe_changes
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_checkpoint import trial_checkpoint
from search_spaces.common.errors import InvalidInput
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.objectives import OBJECTIVES
from search_spaces.families.architecture import format_size
from trainers.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainers.networks.load import is_published, load_published, load_weights, published_training
from trainers.networks.registry import build_network


def export_trial(
    study: StudyRecord,
    record: TrialRecord,
    directory: Path,
    *,
    threads: int | None = None,
    parts: Parts = ESSENTIAL,
    data_root: Path | None = None,
    follow: Follow = UNSEEN,
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
        follow: As in `export_network`.

    Raises:
        InvalidInput: the trial has no checkpoint, it cannot be read, or it holds another architecture than the trial. A
            given ``data_root`` cannot be read. Also as `export_network`.
    """
    if record.checkpoint is None:
        raise InvalidInput(f"trial {record.number} has no checkpoint to export")
    require_replaceable(Path(directory))
    path, checkpoint = trial_checkpoint(study, record)
    return _export(
        checkpoint, path, directory, card_of(study, record), threads=threads, parts=parts, data_root=data_root, follow=follow
    )


def export_checkpoint(
    path: Path,
    directory: Path,
    *,
    name: str,
    threads: int | None = None,
    parts: Parts = ESSENTIAL,
    data_root: Path | None = None,
    follow: Follow = UNSEEN,
) -> Exported:
    """Export the network of a checkpoint of ours, or of one in a published layout.

    Args:
        path: The checkpoint.
        directory: The folder of the export.
        name: The name of the network on its card.
        threads: As in `export_network`.
        parts: As in `export_network`. A published checkpoint names no data, so that it is neither scored nor quantised.
        data_root: The folder of the data; by default it is where the checkpoint says.
        follow: As in `export_network`.

    Raises:
        InvalidInput: the file is no checkpoint of one network, or as `export_trial`.
    """
    require_replaceable(Path(directory))
    if is_published(path):
        if data_root is not None:
            raise InvalidInput(
                f"checkpoint {name} does not say how it was trained, so data must be left out, got {data_root}"
            )
        card = ModelCard(name=name, origin="A published checkpoint.", codec=published_training(path).codec)
        arch, network = load_published(path)
        return export_network(arch, network, directory, card=card, threads=threads, parts=parts)
    checkpoint = load_checkpoint(path)
    train, epochs = checkpoint.train, number_words(len(checkpoint.curve), "epoch")
    last = checkpoint.curve[-1] if checkpoint.curve else {}
    card = ModelCard(
        name=name,
        origin=f"A training of its own, after {epochs} of {train.epochs}.",
        metrics={name: value for name, value in last.items() if name in OBJECTIVES},
        protocol=_protocol(checkpoint),
        codec=train.codec,
        sigma=train.sigma,
    )
    return _export(checkpoint, path, directory, card, threads=threads, parts=parts, data_root=data_root, follow=follow)


def _export(
    checkpoint: Checkpoint,
    path: Path,
    directory: Path,
    card: ModelCard,
    *,
    threads: int | None,
    parts: Parts,
    data_root: Path | None,
    follow: Follow,
) -> Exported:
    """Export the network of a checkpoint that was read from ``path``, with its keypoints and its data."""
    network = build_network(checkpoint.arch)
    load_weights(network, checkpoint.weights, f"checkpoint {path}")
    data, no_data = _data(checkpoint, data_root)
    return export_network(
        checkpoint.arch,
        network,
        directory,
        card=dataclasses.replace(card, keypoint_set=checkpoint.keypoint_set),
        threads=threads,
        parts=parts,
        data=data,
        no_data=no_data,
        follow=follow,
    )


def _protocol(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a checkpoint says of its training, by the names that the protocol of a study has."""
    train, data = checkpoint.train, checkpoint.data
    known, changes = ("train_split", "val_split", "format", "boxes"), recipe_changes(train)
    return {
        "dataset": data.get("name", "not recorded"),
        **{name: data[name] for name in known if data.get(name) is not None},
        "input_size": format_size(checkpoint.arch.input_size),
        "epochs": train.epochs,
        "batch_size": train.batch_size,
        "flip_test": train.flip_test,
        **({"recipe_changes": changes} if changes else {}),
        "seed": train.seed,
    }


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
