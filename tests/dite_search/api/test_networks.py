"""Networks for Python."""

from __future__ import annotations

import pytest
import torch

from dite_search import InvalidInput, build_network, load_network
from search_spaces.common.files import write_mapping
from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint


def test_a_network_has_one_name_in_four_forms(tmp_path):
    arch = named_space("tiny").base
    write_mapping(tmp_path / "arch.yaml", arch.to_dict())
    for given in (arch, arch.to_dict(), tmp_path / "arch.yaml", str(tmp_path / "arch.yaml")):
        network = build_network(given)
        assert sum(each.numel() for each in network.parameters()) == cost_of(arch).params
    height, width = arch.input_size
    larger = build_network(arch, input_size=f"{2 * height}x{2 * width}").eval()
    with torch.no_grad():
        assert larger(torch.zeros(1, 3, 2 * height, 2 * width)).shape == (1, arch.keypoints, height // 2, width // 2)


def test_what_is_no_network_is_one_sentence():
    with pytest.raises(InvalidInput, match="unknown network 'dite_hrnet_19': did you mean 'dite_hrnet_18'"):
        build_network("dite_hrnet_19")
    with pytest.raises(InvalidInput, match=r"unknown .*field .*'widhts'"):
        build_network({"widhts": [1]})


def test_a_loaded_network_is_the_trained_one(tmp_path):
    arch = named_space("tiny").base
    weights = build_network(arch).state_dict()
    state = {"network": weights, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    checkpoint = Checkpoint(arch=arch, train=TrainConfig(codec="udp"), data={}, state=state)
    save_checkpoint(tmp_path / "last.pt", checkpoint)
    loaded = load_network(tmp_path / "last.pt")
    assert (loaded.arch, loaded.train.codec, loaded.keypoint_set.count) == (arch, "udp", 17)
    assert not loaded.network.training
    assert all(torch.equal(value, loaded.network.state_dict()[name]) for name, value in weights.items())
    with pytest.raises(InvalidInput, match="dite_hrnet_18 has no weights, since it is a preset"):
        load_network("dite_hrnet_18")
