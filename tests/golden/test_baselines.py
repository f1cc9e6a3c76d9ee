"""The baselines of the published tables: keys, parameters, multiply-accumulates and outputs are those of the record."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.golden.baselines import NETWORKS, built, golden_input, golden_state
from tests.profiles import by_profile, first_at_a_commit
from trainers.networks.baselines.layers import HEAD_STD

CASES = (
    "simple_baseline_resnet50_256x192",
    "hrnet_w32_256x192",
    "small_hrnet_w18_256x192",
    "mobilenet_v2_256x192",
    "mobilenet_v3_256x192",
    "shufflenet_v2_256x192",
    "stacked_hourglass_8_256x192",
    "cpn_resnet50_256x192",
    "hourglass_52_256x256",
    "hrnet_w48_256x192",
    "mobilenet_v3_160_256x192",
    "hrnet_w32_384x288",
    "mobilenet_v2_256x256_k16",
)
ONE_OF_EACH_CODE = 9
"""Cases from the first on; the others are wider ones, other inputs and other keypoints."""
SEVERAL_OUTPUTS = ("hourglass_52_256x256", "stacked_hourglass_8_256x192", "cpn_resnet50_256x192")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def folder(reference: Path) -> Path:
    return reference / "baselines"


@cache
def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "baselines.json").read_text(encoding="utf-8"))
    return found


@cache
def keys(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
    return found


def on_meta(name: str, keypoints: int, size: tuple[int, int]) -> nn.Module:
    with torch.device("meta"):
        return built(name, keypoints, size)


outline = cache(on_meta)
"""A network without values: nobody may change it."""


def test_every_recorded_network_and_case_is_tested(folder: Path) -> None:
    assert set(facts(folder)["networks"]) == set(NETWORKS)
    assert set(facts(folder)["golden_cases"]) == set(CASES)


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_shapes_and_their_order_are_the_published_ones(name: str, folder: Path) -> None:
    state = outline(name, 17, (256, 256)).state_dict()
    assert [(key, list(value.shape)) for key, value in state.items()] == [
        (key, list(shape)) for key, shape in dict(keys(folder)[name]).items()
    ]


@pytest.mark.parametrize("keypoints", [17, 16])
@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_counted_exactly(name: str, keypoints: int, folder: Path) -> None:
    network = outline(name, keypoints, (256, 256))
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert counted == facts(folder)["networks"][name]["parameters"][f"{keypoints}_keypoints"]


@pytest.mark.longer
@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_accumulates_are_counted_exactly(name: str, folder: Path) -> None:
    """At one size at a commit: the closed form, which other tests hold against the record, knows the other sizes."""
    recorded = facts(folder)["networks"][name]["macs"]
    # Some networks cannot have some sizes.
    counted = [(text, macs) for text, macs in recorded.items() if macs is not None and "total" in macs]
    assert counted
    for text, macs in counted[: by_profile(1, len(counted))]:
        height, width = (int(part) for part in text.split("x"))
        assert executed_macs(name, macs["keypoints"], (height, width)) == macs["total"], text


def executed_macs(name: str, keypoints: int, size: tuple[int, int]) -> int:
    """Weights times output positions of each convolution that runs; of a transposed one, times input positions."""
    network, total = on_meta(name, keypoints, size).eval(), 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(module.weight, Tensor)
        positions = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        total += module.weight.numel() * positions.shape[2] * positions.shape[3]

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.empty(1, 3, *size, device="meta"))
    return total


@pytest.mark.parametrize("case", first_at_a_commit(CASES, ONE_OF_EACH_CODE))
def test_the_outputs_are_those_of_the_record(case: str, folder: Path) -> None:
    recorded = facts(folder)["golden_cases"][case]
    _, _, height, width = recorded["input"]
    image = golden_input(height, width)
    assert float(image.double().sum()) == pytest.approx(recorded["input_sum"], rel=1e-6), "the rule of the input"
    network = on_meta(recorded["network"], recorded["keypoints"], (height, width))
    state = golden_state(network, recorded["gain"])
    for key, check in recorded["parameter_checks"].items():
        assert float(state[key].double().abs().sum()) == pytest.approx(check["abs_sum"], rel=1e-6), f"the rule of {key}"
    network.load_state_dict(state, strict=True, assign=True)
    with torch.no_grad():
        output = network.eval()(image)
    expected = torch.from_numpy(np.load(folder / recorded["file"])["output"])
    assert output.shape == expected.shape
    assert float((output - expected).abs().max() / expected.abs().max()) <= TOLERANCE
    if case in SEVERAL_OUTPUTS:
        check_every_output_of_training(network, image, recorded)


def check_every_output_of_training(network: nn.Module, image: Tensor, recorded: dict[str, Any]) -> None:
    """Batch normalisation keeps its recorded statistics, so that the sums of the record hold."""
    network.eval()
    network.training = True
    with torch.no_grad():
        outputs = network(image)
    sums = [float(output.double().abs().sum()) for output in outputs]
    assert sorted(sums) == pytest.approx(sorted(recorded["every_output_abs_sum"]), rel=1e-4)


@pytest.mark.parametrize(
    "name", ["simple_baseline_resnet50", "mobilenet_v2", "small_hrnet_w18", "shufflenet_v2", "hourglass_52"]
)
def test_initial_values_are_the_published_ones(name: str) -> None:
    torch.manual_seed(0)
    network = built(name, 17, (256, 256))
    finals = {key: value for key, value in network.named_parameters() if "final_layer" in key}
    assert finals
    for key, value in finals.items():
        if key.endswith("bias"):
            assert not value.any()
        else:
            assert float(value.detach().std()) == pytest.approx(HEAD_STD, rel=0.1)
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    fan_out = first.out_channels * first.kernel_size[0] ** 2
    small = name in ("small_hrnet_w18", "hourglass_52")
    assert float(first.weight.detach().std()) == pytest.approx(HEAD_STD if small else (2 / fan_out) ** 0.5, rel=0.1)
