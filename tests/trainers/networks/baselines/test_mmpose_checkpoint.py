"""Checkpoints of MMPose, and of the networks' authors, under our names."""

from __future__ import annotations

import pytest
import torch

from search_spaces.space.space_file import named_space
from tests.baselines import small
from trainers.data.formats.data_format import FORMATS
from trainers.networks.registry import build_network, networks_of
from trainers.networks.starting_weights import take_weights
from trainers.networks.weights_file import NamedWeights

COCO = FORMATS["coco"].keypoint_set.names


def mmpose_1(state):
    return state | {"data_preprocessor.mean": torch.ones(3)}


def mmpose_0(state):
    return {f"keypoint_head.{name[5:]}" if name.startswith("head.") else name: value for name, value in state.items()}


def authors(state):
    return {name.partition(".")[2]: value for name, value in state.items()}


def parallel(state):
    return {f"module.{name}": value for name, value in state.items()}


CASES = [
    *((family, layout) for family in ("mobilenet_v2", "hourglass") for layout in (mmpose_1, mmpose_0, parallel)),
    ("simple_baseline", authors),
    ("stacked_hourglass", parallel),
]


@pytest.mark.parametrize(("family", "layout"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_every_tensor_of_a_layout_has_our_name(family, layout):
    state = build_network(small(family)).state_dict()
    assert networks_of(family).own_names(layout(state)).keys() == state.keys()


def test_a_network_takes_all_of_a_file_of_mmpose():
    arch = small("shufflenet_v2")
    state = build_network(arch).state_dict()
    taken = take_weights(build_network(arch), arch, NamedWeights(name="w.pth", state=mmpose_0(mmpose_1(state))), COCO)
    assert (taken.share, taken.unused) == (1.0, ())


def test_tensors_of_the_published_dite_hrnet_have_our_names():
    from trainers.networks.dite_hrnet.released_layout import RELEASED, own_names

    arch = next(named_space("tiny").enumerate())
    network = build_network(arch)
    state = RELEASED.state(arch, network)
    assert own_names(state).keys() == network.state_dict().keys()
    assert own_names(network.state_dict()).keys() == network.state_dict().keys()
