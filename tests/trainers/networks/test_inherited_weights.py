"""A training may begin from inherited weights: the file of a supernet gives each network its own part, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.data.formats.data_format import FORMATS
from trainers.networks.inherited_weights import inherited_state
from trainers.networks.registry import shared_weights
from trainers.networks.shared_store import SharedStore
from trainers.training.beginning import check_beginning, drawn_network, take_start
from trainers.training.supernet_loop import identity_of

ELASTIC = elastic_space(named_space("tiny_128"))
IDENTITY = identity_of(ELASTIC, SupernetConfig())
COCO = FORMATS["coco"].keypoint_set.names


@pytest.fixture(scope="module")
def store() -> SharedStore:
    torch.manual_seed(1)
    return shared_weights(ELASTIC.largest, ELASTIC.envelope)


@pytest.fixture(scope="module")
def file(store: SharedStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("supernet") / "last.pt"
    parts = {"optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    checkpoint = Checkpoint(
        arch=ELASTIC.largest,
        train=TrainConfig(),
        data={"format": "coco"},
        state={"network": store.state_dict(), **parts},
        supernet=IDENTITY,
    )
    save_checkpoint(path, checkpoint)
    return path


@pytest.mark.parametrize("arch", [ELASTIC.smallest, ELASTIC.largest], ids=["smallest", "largest"])
def test_a_training_begins_with_the_part_of_its_network(arch, store: SharedStore, file: Path) -> None:
    config = TrainConfig(start_from=str(file))
    network = drawn_network(arch, config)
    taken = take_start(network, arch, config, COCO)
    assert taken is not None
    assert taken.share == 1.0
    wanted = store.export(arch).state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in network.state_dict().items())
    assert check_beginning(arch, config, COCO).sentences == [f"100.0% of the parameters are taken from {file}"]
    # Trainings from scratch and from inherited weights are of two protocols.
    assert config.identified().fine_tuning != TrainConfig().fine_tuning


def test_networks_of_another_space_inherit_nothing(store: SharedStore, file: Path) -> None:
    other = next(named_space("tiny").enumerate())
    with pytest.raises(InvalidInput, match=f"network {other.arch_id} has no place in the shared weights"):
        check_beginning(other, TrainConfig(start_from=str(file)), COCO)
    larger = dataclasses.replace(ELASTIC.smallest, input_size=(128, 96))
    with pytest.raises(InvalidInput, match=r"last.pt must hold shared weights of networks with the input and keypoints of"):
        inherited_state(store.state_dict(), IDENTITY, ELASTIC.largest, larger, "last.pt")
