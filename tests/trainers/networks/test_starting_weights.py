"""The share of a file of weights that a network takes, and the list of the rest."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import resized
from search_spaces.space.space_file import named_space
from tests.baselines import small
from trainers.data.formats.data_format import FORMATS
from trainers.networks.registry import build_network
from trainers.networks.starting_weights import keypoint_dimensions, take_weights
from trainers.networks.weights_file import NamedWeights

COCO = FORMATS["coco"].keypoint_set.names
TINY = next(named_space("tiny").enumerate())


def weights_of(arch=TINY, *, keypoints=COCO, fill=None):
    state = build_network(arch).state_dict()
    if fill is not None:
        state = {name: torch.full_like(value, fill) for name, value in state.items()}
    return NamedWeights(name="w.pt", state=state, keypoints=tuple(keypoints), arch=arch)


def test_the_same_network_takes_everything():
    weights, network = weights_of(), build_network(TINY)
    taken = take_weights(network, TINY, weights, COCO)
    assert (taken.share, taken.drawn, taken.unused) == (1.0, {}, ())
    assert all(torch.equal(value, weights.state[name]) for name, value in network.state_dict().items())


@given(names=st.lists(st.sampled_from([*COCO, "tail", "horn"]), min_size=1, max_size=19, unique=True))
@settings(max_examples=3)
def test_rows_of_keypoints_go_by_their_names(names):
    arch = resized(TINY, keypoints=len(names))
    network, weights = build_network(arch), weights_of()
    before = network.final.weight.clone()
    taken = take_weights(network, arch, weights, names)
    for row, name in enumerate(names):
        expected = weights.state["final.weight"][COCO.index(name)] if name in COCO else before[row]
        assert torch.equal(network.final.weight[row], expected)
    anew = [name for name in names if name not in COCO]
    assert set(taken.drawn) == ({"final.weight", "final.bias"} if anew else set())
    missing = sum(network.final.weight[0].numel() + 1 for _ in anew)
    assert taken.share == pytest.approx(1 - missing / sum(p.numel() for p in network.parameters()))


def test_another_network_of_the_family_takes_what_fits_and_lists_the_rest():
    other = next(arch for arch in named_space("tiny").enumerate() if arch.to_dict()["widths"] != TINY.to_dict()["widths"])
    network = build_network(other)
    taken = take_weights(network, other, weights_of(fill=0.25), COCO)
    own = network.state_dict()
    assert 0 < taken.share < 1
    assert taken.drawn
    taken_here = [name for name, value in own.items() if name not in taken.drawn and value.is_floating_point()]
    assert taken_here
    assert all((own[name] == 0.25).all() for name in taken_here)
    assert "% of the parameters are taken from w.pt; drawn, " in str(taken)


def test_weights_of_another_family_are_refused():
    arch = small("shufflenet_v2")
    with pytest.raises(InvalidInput, match=r"w\.pt must hold weights of the network shufflenet_v2 \w+, but none of its"):
        take_weights(build_network(arch), arch, weights_of(), COCO)


def test_a_part_of_another_network_is_taken_with_a_list_of_the_rest():
    arch, given = small("mobilenet_v2"), small("shufflenet_v2")
    network = build_network(arch)
    taken = take_weights(network, arch, weights_of(given), COCO)
    assert 0 < taken.share < 0.5
    assert "missing in the file" in str(taken)
    assert "not used of the file: " in str(taken)


@pytest.mark.parametrize("family", ["cpn", "stacked_hourglass", "shufflenet_v2"])
def test_every_tensor_of_keypoints_is_known(family):
    arch = small(family)
    own = build_network(arch).state_dict()
    found = keypoint_dimensions(own, arch)
    assert found
    assert all(own[name].shape[d] == arch.keypoints for name, dimensions in found.items() for d in dimensions)


def test_keypoints_without_names_are_taken_by_their_number():
    weights = NamedWeights(name="w.pt", state=weights_of(resized(TINY, keypoints=5)).state)
    names = ["a", "b", "c", "d", "e"]
    arch = resized(TINY, keypoints=5)
    assert take_weights(build_network(arch), arch, weights, names).share == 1.0


def test_a_file_of_seventeen_keypoints_without_names_has_those_of_coco():
    weights = NamedWeights(name="w.pt", state=weights_of().state)
    arch = resized(TINY, keypoints=2)
    network = build_network(arch)
    take_weights(network, arch, weights, ["tail", "nose"])
    assert torch.equal(network.final.weight[1], weights.state["final.weight"][COCO.index("nose")])
