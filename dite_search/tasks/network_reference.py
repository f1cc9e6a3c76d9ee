"""The resolver of every name of a network: a preset, a file, a trial, a study or an export.

It imports torch, Optuna and the rest where a name needs them: the cost of a preset is counted in no time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Architecture
from search_spaces.registry import PRESETS, load_arch, preset
from search_spaces.starting_weights import ARCH_FILE

if TYPE_CHECKING:
    from analysis.study.records import StudyRecord, TrialRecord
    from dite_search.config.search_config import SearchConfig
    from trainers.prediction.network import TrainedNetwork

PRESET, ARCH, CHECKPOINT, TRIAL, STUDY, EXPORT, MODEL = "preset", "arch", "checkpoint", "trial", "study", "export", "model"
KINDS = {
    PRESET: "a preset",
    ARCH: "an architecture file",
    CHECKPOINT: "a checkpoint",
    TRIAL: "a trial",
    STUDY: "a study",
    EXPORT: "the folder of an export",
    MODEL: "an ONNX model",
}
"""The kinds of what a name can stand for, in words."""
ARCH_ENDINGS, CHECKPOINT_ENDINGS, MODEL_ENDING = (".yaml", ".yml", ".json"), (".pt", ".pth", ".ckpt", ".tar"), ".onnx"


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkReference:
    """A network that a user names.

    Args:
        text: The name as it was given.
        kind: The kind of what it stands for.
        config: The search of a trial or a study.
        study: The records of that study.
        record: The trial; of a study its most accurate one.
        folder: The folder of an export.
    """

    text: str
    kind: str
    config: SearchConfig | None = None
    study: StudyRecord | None = None
    record: TrialRecord | None = None
    folder: Path | None = None

    @property
    def has_weights(self) -> bool:
        """Whether there is more than an architecture: a preset has no weights, nor has a trial that was never saved."""
        return self.kind in (CHECKPOINT, EXPORT, MODEL) or (self.record is not None and self.record.checkpoint is not None)

    @cached_property
    def arch(self) -> Architecture:
        """The architecture.

        Raises:
            InvalidInput: a file cannot be read, or holds no architecture.
        """
        if self.record is not None:
            return self.record.arch
        if self.kind == PRESET:
            return preset(self.text)
        if self.kind == CHECKPOINT:
            from trainers.networks.load import load_any_network

            with self.checkpoint() as file:
                return load_any_network(file)[0]
        return load_arch(self.folder / ARCH_FILE if self.folder else self.text)

    @contextmanager
    def checkpoint(self) -> Iterator[Path]:
        """Hand out the file of the checkpoint, on this machine, until the block ends.

        Raises:
            InvalidInput: there is none, it cannot be had, or it holds another architecture than the trial.
        """
        if self.study is not None and self.record is not None and self.record.checkpoint is not None:
            from analysis.study.trial_checkpoint import trial_checkpoint

            yield trial_checkpoint(self.study, self.record)[0]
            return
        if self.kind != CHECKPOINT:
            raise self.without_weights()
        with checkpoint_file(self.text) as file:
            yield file

    def weights_file(self) -> str:
        """Return the place of the weights as `start_from` takes it: a file, or the folder of an export.

        Raises:
            InvalidInput: there are no weights, or they cannot be had.
        """
        if self.record is not None:
            with self.checkpoint() as file:
                return str(file)
        return str(self.folder) if self.kind == EXPORT else self.text

    def load(self) -> TrainedNetwork:
        """Return the network with its weights, in evaluation mode, and how its heatmaps are read.

        Raises:
            InvalidInput: there are no weights, or a file is missing or broken.
        """
        if not self.has_weights:
            raise self.without_weights()
        if self.folder is not None:
            from analysis.prediction.exported import load_exported

            return load_exported(self.folder, model=Path(self.text) if self.kind == MODEL else None)
        with self.checkpoint() as file:
            return _of_checkpoint(file, self.text)

    def without_weights(self) -> InvalidInput:
        """Return the refusal of a network without weights."""
        if self.study is not None and self.record is not None:
            return InvalidInput(f"trial {self.record.number} of study {self.study.name} has no checkpoint, so no weights")
        return InvalidInput(
            f"{self.text} has no weights, since it is {KINDS[self.kind]}: name a checkpoint, STUDY:TRIAL, a study or an"
            " export"
        )


def find_network(text: str | Path, *, directory: str | Path = "runs") -> NetworkReference:
    """Find the network that ``text`` names.

    Presets go before trials, and trials before studies, which stand for their most accurate trial. Exports, by their folder
    or an ONNX file, architecture files and checkpoints follow.

    Args:
        text: The name.
        directory: The folder of the studies.

    Raises:
        InvalidInput: it names nothing, the study has no such trial, or none with a score.
    """
    text = str(text)
    if text in PRESETS:
        return NetworkReference(text=text, kind=PRESET)
    from dite_search.study.directory import SEARCH_FILE

    path = Path(text)
    trial = trial_named(text)
    if trial is not None:
        config, study = _study(trial[0], directory)
        return NetworkReference(text=text, kind=TRIAL, config=config, study=study, record=_numbered(study, trial[1]))
    if any((folder / SEARCH_FILE).is_file() for folder in (path, Path(directory) / text)):
        config, study = _study(text, directory)
        return NetworkReference(text=text, kind=STUDY, config=config, study=study, record=_most_accurate(study))
    if (path / ARCH_FILE).is_file():
        return NetworkReference(text=text, kind=EXPORT, folder=path)
    if path.suffix == MODEL_ENDING and path.is_file():
        return NetworkReference(text=text, kind=MODEL, folder=_export_of(path))
    if path.suffix in ARCH_ENDINGS and path.is_file():
        return NetworkReference(text=text, kind=ARCH)
    _check_scheme(text)
    if "://" in text or path.suffix in CHECKPOINT_ENDINGS or path.is_file():
        return NetworkReference(text=text, kind=CHECKPOINT)
    raise InvalidInput(
        f"{unknown_name('network', text, PRESETS)}; or STUDY:TRIAL, a study in {directory}, a checkpoint, an export, an"
        " architecture file"
    )


def names_checkpoint(text: str) -> bool:
    """Whether a text is the path or URL of a file of weights, and no study."""
    path = Path(text)
    return "://" in text or (path.suffix in CHECKPOINT_ENDINGS and not path.is_dir())


def trial_named(text: str) -> tuple[str, int] | None:
    """Return the study and the number of ``STUDY:TRIAL``; None for another text, or the path of a file."""
    study, colon, number = text.rpartition(":")
    if not (colon and study and number.isascii() and number.isdigit()) or Path(text).is_file():
        return None
    return study, int(number)


def weights_named(text: str, *, directory: str | Path = "runs") -> str:
    """Return the place of weights that a user names: that of a trial, or ``text`` itself.

    Raises:
        InvalidInput: there is no such trial, or it has no checkpoint.
    """
    return text if trial_named(text) is None else find_network(text, directory=directory).weights_file()


@contextmanager
def checkpoint_file(text: str) -> Iterator[Path]:
    """The file of a checkpoint that a user named by a path, a ``file:///`` URL or an ``s3://`` URL, until the block ends.

    Raises:
        InvalidInput: it is none of these, or the object cannot be had.
    """
    from trainers.checkpoints.location import S3, located
    from trainers.checkpoints.store import local_copy

    _check_scheme(text)
    if text.startswith(S3):
        with tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
            yield local_copy(located(text), Path(folder))
        return
    path = located(text)
    assert isinstance(path, Path)
    yield path


def _check_scheme(text: str) -> None:
    scheme, found, _ = text.partition("://")
    if found and scheme not in ("file", "s3"):
        raise InvalidInput(
            f"a checkpoint must be a file, file:///file or s3://bucket/key, got {scheme[:20]}://…; download it first"
        )


def _study(name: str, directory: str | Path) -> tuple[SearchConfig, StudyRecord]:
    from dite_search.study.directory import load_config
    from dite_search.study.reader import read_study

    config = load_config(name, directory=directory)
    return config, read_study(config)


def _of_checkpoint(file: Path, name: str) -> TrainedNetwork:
    from trainers.checkpoints.checkpoint import load_checkpoint
    from trainers.networks.load import is_published, load_any_network, published_training
    from trainers.prediction.network import TrainedNetwork, keypoints_of_network

    arch, network = load_any_network(file)
    checkpoint = None if is_published(file) else load_checkpoint(file)
    known = checkpoint.keypoint_set if checkpoint else None
    return TrainedNetwork(
        name=name,
        arch=arch,
        network=network,
        train=checkpoint.train if checkpoint else published_training(file),
        keypoint_set=known or keypoints_of_network(arch.keypoints),
        data=checkpoint.data if checkpoint else {},
    )


def _export_of(model: Path) -> Path:
    """Return the folder of the export that an ONNX file is of: there stands how its heatmaps are read."""
    if (model.parent / ARCH_FILE).is_file():
        return model.parent
    raise InvalidInput(
        f"ONNX model {model} must lie in the folder of its export, whose other files say how its heatmaps are read"
    )


def _numbered(study: StudyRecord, number: int) -> TrialRecord:
    from analysis.pareto.front import front_of

    for record in study.trials:
        if record.number == number:
            return record
    known = ", ".join(str(record.number) for record in front_of(study)) or "none"
    raise InvalidInput(f"study {study.name} has {len(study.trials)} trials and no number {number}; on its front: {known}")


def _most_accurate(study: StudyRecord) -> TrialRecord:
    from analysis.pareto.front import scored
    from search_spaces.common.objectives import costs_and_scores, gain

    trials, scores = scored(study), costs_and_scores(study.objectives)[1]
    if not trials or not scores:
        raise InvalidInput(f"study {study.name} has no complete trial with a score to compare ({len(study.trials)} trials)")
    return max(trials, key=lambda record: (gain(scores[0], record.values[scores[0]]), -record.cost.macs, -record.number))
