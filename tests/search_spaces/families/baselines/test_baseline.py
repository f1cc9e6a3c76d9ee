"""The rules of every family of baselines: exact costs, one name for one network, and words for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.registry import PRESETS, architecture_from, cost_of, family_of, preset
from search_spaces.space.space_file import named_space
from tests.baselines import SMALL, Counted, members, small
from tests.profiles import examples
from trainers.networks.registry import build_network

NAMES = (
    "simple_baseline_resnet50",
    "hrnet_w32",
    "hrnet_w48",
    "small_hrnet_w18",
    "mobilenet_v2",
    "mobilenet_v3",
    "mobilenet_v3_160",
    "shufflenet_v2",
    "hourglass_52",
    "stacked_hourglass_8",
    "cpn_resnet50",
)


@pytest.fixture(scope="module")
def facts(reference: Path) -> dict[str, Any]:
    text = (reference / "baselines/baselines.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["networks"]
    return found


@pytest.mark.parametrize("family", SMALL)
@given(data=st.data())
@examples(4)
def test_the_closed_form_is_what_the_built_network_has_and_executes(family: str, data: st.DataObject) -> None:
    arch = data.draw(members(family))
    with torch.device("meta"):
        network = Counted(build_network(arch))
        with torch.no_grad():
            output = network(torch.empty(1, 3, *arch.input_size))
    cost = cost_of(arch)
    assert tuple(output.shape) == (1, arch.keypoints, *arch.heatmap_size)
    assert cost.params == sum(parameter.numel() for parameter in network.parameters())
    assert cost.macs == network.macs
    assert cost.macs_paper == network.macs + network.bias_additions


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_multiply_accumulates_are_those_of_the_record(name: str, facts: dict[str, Any]) -> None:
    counted = 0
    for text, macs in facts[name]["macs"].items():
        if macs is None or "total" not in macs:
            continue
        height, width = (int(side) for side in text.split("x"))
        arch = preset(name, input_size=(height, width), keypoints=macs["keypoints"])
        cost = cost_of(arch)
        assert cost.params == facts[name]["parameters"][f"{arch.keypoints}_keypoints"]
        assert cost.macs == macs["total"]
        assert cost.macs_paper == macs["total"] + macs["bias_additions"]
        counted += 1
    assert counted >= 2


@pytest.mark.parametrize("name", NAMES)
def test_published_figures_are_counted_as_the_record_counts_them(name: str, facts: dict[str, Any]) -> None:
    for row in facts[name]["paper"]:
        size = tuple(int(side) for side in row["input_size"].split("x"))
        arch = preset(name, input_size=size, keypoints=16 if row["table"] == 4 else 17)  # type: ignore[arg-type]
        assert cost_of(arch).flops_published / 2**30 == pytest.approx(row["our_count"]["gflops"], abs=5e-4)


@pytest.mark.parametrize("family", SMALL)
@given(data=st.data())
@examples(20)
def test_a_member_survives_its_file_and_its_flat_values(family: str, data: st.DataObject) -> None:
    arch = data.draw(members(family))
    again = architecture_from(json.loads(json.dumps(arch.to_dict())))
    assert again == arch
    assert again.arch_id == arch.arch_id
    known = family_of(arch)
    assert known.unflatten(known.flatten(arch), known.default) == arch


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [40, 72, 100])
def test_a_picture_fits_its_width_and_ends_with_the_heatmaps(name: str, width: int) -> None:
    arch = PRESETS[name]()
    lines = family_of(arch).diagram(arch, width)
    assert max(map(len, lines)) <= width
    assert lines[1].split()[:2] == ["input", "×".join(map(str, arch.input_size))]
    assert lines[-1].split()[:3] == ["output", "×".join(map(str, arch.heatmap_size)), "17"]
    assert lines[-1].endswith("heatmaps") == (width >= 72)


@pytest.mark.parametrize("family", SMALL)
def test_the_outline_begins_with_the_family(family: str) -> None:
    arch = small(family)
    assert family_of(arch).outline(arch).startswith(f"{family_of(arch).label}: ")


@pytest.mark.parametrize(
    ("space", "count"),
    [
        ("hrnets", 108),
        ("simple_baselines", 27),
        ("mobilenets_v2", 36),
        ("mobilenets_v3", 108),
        ("shufflenets_v2", 48),
        ("hourglasses", 18),
        ("stacked_hourglasses", 16),
        ("cpns", 27),
    ],
)
def test_every_point_of_a_named_space_is_a_network_of_its_own(space: str, count: int) -> None:
    known = named_space(space)
    assert known.count() == count
    assert len({known.build(point).arch_id for point in known.points()}) == count
