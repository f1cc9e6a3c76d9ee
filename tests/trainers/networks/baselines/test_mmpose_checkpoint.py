"""Published checkpoints load strictly, whichever layout they have, and nothing but weights is read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.registry import preset
from tests.baselines import SMALL, small
from trainers.checkpoints.torch_file import read_torch_file
from trainers.data.formats.data_format import FORMATS
from trainers.networks.load import is_published, load_any_network, load_published, published_training
from trainers.networks.registry import build_network, layouts, networks_of
from trainers.networks.starting_weights import take_weights
from trainers.networks.weights_file import NamedWeights

MEMBERS = {name: {} for name in SMALL} | {
    "mobilenet_v3": {"blocks": (1, 2, 3, 4, 2, 3)},
    "hourglass": {"stacks": 2, "widths": (8, 4, 6, 4, 6, 10)},
    "stacked_hourglass": {"base_width": 8},
}
PREFIXED = tuple(name for name in SMALL if name not in ("stacked_hourglass", "cpn"))
META = {
    "cfg": "model = dict()",
    "dataset_meta": {"sigmas": np.array([0.026, 0.025]), "flip_indices": np.arange(3), "dataset_name": "coco"},
}


def built(family: str) -> tuple[Architecture, nn.Module]:
    torch.manual_seed(0)
    arch = small(family, **MEMBERS[family])
    network = build_network(arch).eval()
    for value in network.buffers():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    return arch, network


def renamed(state: dict[str, Tensor], layout: str) -> dict[str, Tensor]:
    if layout == "0.x":
        return {f"keypoint_{name}" if name.startswith("head.") else name: value for name, value in state.items()}
    if layout == "authors":
        return {name.removeprefix("backbone.").removeprefix("head."): value for name, value in state.items()}
    if layout == "DataParallel":
        return {f"module.{name}": value for name, value in state.items()}
    if layout == "early 1.x":
        return {"data_preprocessor.mean": torch.ones(3, 1, 1), "data_preprocessor.std": torch.ones(3, 1, 1)} | state
    return state


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write a file in the format of before torch 1.6, as published ones are."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def assert_loads(path: Path, arch: Architecture, network: nn.Module) -> None:
    found, loaded = load_published(path, arch.input_size)
    assert found == arch
    images = torch.randn(1, 3, *arch.input_size)
    with torch.no_grad():
        assert torch.equal(loaded(images), network(images))


@pytest.mark.parametrize("layout", ["1.x", "early 1.x", "0.x", "DataParallel"])
@pytest.mark.parametrize("family", SMALL)
def test_every_family_loads_from_every_layout(family: str, layout: str, tmp_path: Path) -> None:
    arch, network = built(family)
    state = renamed(network.state_dict(), layout)
    assert_loads(write(tmp_path / "net.pth", {"meta": META, "state_dict": state}), arch, network)


@pytest.mark.parametrize("family", ["hrnet", "simple_baseline"])
def test_files_of_the_authors_have_no_prefix_and_no_state_dict(family: str, tmp_path: Path) -> None:
    arch, network = built(family)
    path = write(tmp_path / "net.pth", renamed(network.state_dict(), "authors"))
    assert is_published(path)
    assert_loads(path, arch, network)


def test_keys_of_the_record_give_the_named_networks(reference: Path) -> None:
    keys = json.loads((reference / "baselines/keys.json").read_text(encoding="utf-8"))
    for name, shapes in keys.items():
        names = dict(shapes)
        (layout,) = [found for found in layouts() if found.recognises(list(names))]
        arch = preset(name)
        assert layout is networks_of(arch.FAMILY).layouts[0], name


@pytest.mark.parametrize("family", SMALL)
def test_a_network_is_written_as_it_is_read(family: str, tmp_path: Path) -> None:
    arch, network = built(family)
    layout = networks_of(family).layouts[0]
    path = write(tmp_path / "net.pth", {"state_dict": layout.state(arch, network)})
    assert_loads(path, arch, network)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hrnet_w32", ""),
        ("simple_baseline_resnet50", ""),
        ("mobilenet_v3_160", ""),
        ("mobilenet_v3", "MMPose builds networks with last_channels 0 only, and this one has 960"),
    ],
)
def test_networks_that_the_authors_code_cannot_build_are_said(name: str, problem: str) -> None:
    arch = preset(name)
    assert networks_of(arch.FAMILY).layouts[0].problem(arch) == problem


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("drop", r"must hold the key 'backbone.stage2.0.branches.0.0.bn1.bias', which is missing"),
        ("add", r"holds the key 'backbone.extra.weight', which the network has not"),
        ("shape", r"backbone.conv1.weight must have shape \(64, 3, 3, 3\), got \(64, 3, 5, 5\)"),
        ("head", r"key 'head.final_layer.weight' is missing"),
        ("twice", r"key 'head.final_layer.bias' is there a second time, as 'head.final_layer.bias'"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(change: str, sentence: str, tmp_path: Path) -> None:
    _, network = built("hrnet")
    state = dict(network.state_dict())
    if change == "drop":
        del state["backbone.stage2.0.branches.0.0.bn1.bias"]
    elif change == "add":
        state["backbone.extra.weight"] = torch.ones(1)
    elif change == "shape":
        state["backbone.conv1.weight"] = torch.ones(64, 3, 5, 5)
    elif change == "head":
        del state["head.final_layer.weight"]
    else:
        state = {"keypoint_head.final_layer.bias": state["head.final_layer.bias"]} | state
    path = write(tmp_path / "net.pth", {"state_dict": state})
    with pytest.raises(InvalidInput, match=sentence):
        load_published(path)


class Evil:
    """An object whose reading would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("/tmp/never-written").write_text, ("",))


@pytest.mark.parametrize("thing", [Evil(), nn.ReLU()])
def test_anything_but_values_is_refused(thing: object, tmp_path: Path) -> None:
    _, network = built("hrnet")
    path = write(tmp_path / "net.pth", {"meta": {"hidden": thing}, "state_dict": network.state_dict()})
    with pytest.raises(InvalidInput, match="must be a whole torch file of plain tensors"):
        load_any_network(path)


def test_arrays_under_the_names_of_numpy_1_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "net.pth", {"meta": META, "state_dict": {}})
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    np.testing.assert_array_equal(read_torch_file(path)["meta"]["dataset_meta"]["sigmas"], META["dataset_meta"]["sigmas"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth", "msra"),
        ("td-hm_hrnet-w48_udp-8xb32-210e_coco-256x192-3feaef8f_20220913.pth", "udp"),
        ("hrnet_w32_coco_256x192_dark-07f147eb_20200812.pth", "dark"),
    ],
)
def test_the_codec_of_a_published_file_is_told_by_its_name(name: str, codec: str) -> None:
    assert published_training(Path(name)).codec == codec


def test_a_network_with_offsets_is_refused_by_its_name(tmp_path: Path) -> None:
    _, network = built("hrnet")
    path = write(tmp_path / "hrnet_w32_udp_regress.pth", {"state_dict": network.state_dict()})
    with pytest.raises(InvalidInput, match="must be of a network of heatmaps alone, and its name says offsets"):
        load_published(path)


@pytest.mark.parametrize("layout", ["early 1.x", "0.x", "DataParallel"])
@pytest.mark.parametrize("family", ["mobilenet_v2", "hourglass", "stacked_hourglass"])
def test_a_training_begins_from_every_layout(family: str, layout: str) -> None:
    arch, network = built(family)
    weights = NamedWeights(name="w.pth", state=renamed(dict(network.state_dict()), layout))
    taken = take_weights(build_network(arch), arch, weights, FORMATS["coco"].keypoint_set.names)
    assert (taken.share, taken.unused) == (1.0, ())
