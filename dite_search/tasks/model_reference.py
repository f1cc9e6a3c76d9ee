"""The references to the two sides of a comparison: a trial, a study, an export or a network, with its predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis.comparison.sides import ComparedNetwork
from analysis.errors.predictions import ScoredPredictions, predictions_of, predictions_with
from analysis.pareto.front import front_of, scored
from analysis.study.records import StudyRecord, TrialRecord
from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import SEARCH_FILE, load_config
from dite_search.study.reader import read_study
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import costs_and_scores, gain
from search_spaces.registry import PRESETS, resolve_arch
from search_spaces.starting_weights import ARCH_FILE
from trainers.data.config import DataConfig


@dataclass(frozen=True, kw_only=True)
class ModelReference:
    """A side without predictions, and what it can be predicted with: ``config`` of its study, or the ``folder`` of an
    export.
    """

    side: ComparedNetwork
    config: SearchConfig | None = None
    folder: Path | None = None

    @property
    def can_predict(self) -> bool:
        """Whether there are weights."""
        return self.folder is not None or (self.side.record is not None and self.side.record.checkpoint is not None)


def named(text: str, *, directory: str | Path = "runs") -> ModelReference:
    """Find the model that ``text`` names: ``STUDY:NUMBER``, a study, an export's folder, a preset or an architecture file.

    Raises:
        InvalidInput: it names nothing, the study has no such trial, or none with a score.
    """
    head, colon, tail = text.rpartition(":")
    if colon and head and tail.isascii() and tail.isdigit():
        config = load_config(head, directory=directory)
        study = read_study(config)
        return ModelReference(side=_side(study, _numbered(study, int(tail)), "trial"), config=config)
    if any((folder / SEARCH_FILE).is_file() for folder in (Path(text), Path(directory) / text)):
        config = load_config(text, directory=directory)
        study = read_study(config)
        return ModelReference(side=_side(study, _most_accurate(study), "study"), config=config)
    if (Path(text) / ARCH_FILE).is_file():
        from search_spaces.registry import load_arch

        folder = Path(text)
        return ModelReference(
            side=ComparedNetwork(label=f"export {text}", kind="export", arch=load_arch(folder / ARCH_FILE)), folder=folder
        )
    if text in PRESETS or Path(text).is_file():
        return ModelReference(side=ComparedNetwork(label=f"network {text}", kind="network", arch=resolve_arch(text)))
    raise InvalidInput(
        f"{text!r} must be STUDY:NUMBER, a study in {directory}, the folder of an export, an architecture file or one of"
        f" {', '.join(PRESETS)}"
    )


def predicted(
    first: ModelReference,
    second: ModelReference,
    *,
    data: DataConfig | None,
    flip_test: bool | None,
    say: Callable[[str], None] = lambda sentence: None,
) -> tuple[ComparedNetwork, ComparedNetwork, str]:
    """Both sides with the predictions of the same people in the same way, or a reason why they have none.

    ``data`` and ``flip_test`` are those of the studies unless given. Data that were not given and cannot be read are such a
    reason.

    Raises:
        InvalidInput: a checkpoint is broken, or ``data`` was given and cannot be read.
    """
    sides = (first, second)
    for item in sides:
        if not item.can_predict:
            return first.side, second.side, f"{item.side.label} has no weights to predict with"
    configs = [item.config for item in sides if item.config]
    if data is None and not configs:
        return first.side, second.side, "two exports need --data, the people to find"
    if flip_test is None:
        flip_test = configs[0].train_config.flip_test if configs else True
    try:
        found = []
        for item in sides:
            say(f"Predicting with {item.side.label}")
            config = item.config or (configs[0] if configs else None)
            own = data
            if own is None:
                assert config is not None, "without data there is a study"
                from dite_search.config.search_data import data_of

                own = data_of(config)
            found.append(_predictions(item, own, flip_test=flip_test))
    except InvalidInput as error:
        if data is not None:
            raise
        return first.side, second.side, str(error)
    return (
        dataclasses.replace(first.side, predictions=found[0]),
        dataclasses.replace(second.side, predictions=found[1]),
        "",
    )


def _predictions(item: ModelReference, data: DataConfig, *, flip_test: bool) -> ScoredPredictions:
    if item.folder is not None:
        from analysis.export import load_export, read_with

        arch, network = load_export(item.folder)
        return predictions_with(arch, network, read_with(item.folder), data, flip_test=flip_test)
    study, record = item.side.study, item.side.record
    assert study, "what has weights is an export or a trial of a study"
    assert record, "what has weights is an export or a trial of a study"
    return predictions_of(study, record, data, flip_test=flip_test)


def _side(study: StudyRecord, record: TrialRecord, kind: str) -> ComparedNetwork:
    name = f"{study.name}:{record.number}"
    return ComparedNetwork(
        label=name if kind == "trial" else f"{study.name} (most accurate: trial {record.number})",
        kind=kind,
        arch=record.arch,
        curve=record.curve,
        metrics=record.metrics,
        parameters=record.parameters,
        protocol=study.protocol,
        study=study,
        record=record,
    )


def _numbered(study: StudyRecord, number: int) -> TrialRecord:
    for record in study.trials:
        if record.number == number:
            return record
    known = ", ".join(str(record.number) for record in front_of(study)) or "none"
    raise InvalidInput(f"study {study.name} has {len(study.trials)} trials and no number {number}; on its front: {known}")


def _most_accurate(study: StudyRecord) -> TrialRecord:
    trials, scores = scored(study), costs_and_scores(study.objectives)[1]
    if not trials or not scores:
        raise InvalidInput(f"study {study.name} has no complete trial with a score to compare ({len(study.trials)} trials)")
    return max(trials, key=lambda record: (gain(scores[0], record.values[scores[0]]), -record.cost.macs, -record.number))
