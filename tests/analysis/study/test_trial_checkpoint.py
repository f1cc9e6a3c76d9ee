"""The checkpoint of a trial: the one that its record names, of the network that its record has."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis.study.trial_checkpoint import checkpoint_file, trial_checkpoint
from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import TrainConfig
from tests.analysis.studies import study, trial
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.store import CheckpointStore


def test_it_holds_the_network_of_the_trial(tmp_path: Path) -> None:
    record = dataclasses.replace(trial(3, ap=0.5), checkpoint=tmp_path / "last.pt")
    state = {"network": {}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    CheckpointStore(tmp_path).save(Checkpoint(arch=record.arch, train=TrainConfig(), data={}, state=state, curve=[]))
    assert checkpoint_file(study(), record) == tmp_path / "last.pt"
    path, checkpoint = trial_checkpoint(study(), record)
    assert (path, checkpoint.arch) == (tmp_path / "last.pt", record.arch)
    other = dataclasses.replace(record, arch=trial(4, ap=0.5).arch)
    assert other.arch != record.arch
    with pytest.raises(
        InvalidInput, match=rf"must hold architecture {other.arch.arch_id} of trial 3, got {record.arch.arch_id}"
    ):
        trial_checkpoint(study(), other)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    record = dataclasses.replace(trial(3, ap=0.5), checkpoint=tmp_path / "gone.pt")
    with pytest.raises(InvalidInput, match=r"gone\.pt does not exist"):
        trial_checkpoint(study(), record)
