from __future__ import annotations

import json
from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import PRESETS
from search_spaces.registry import load_arch, paper_variants, preset, resolve_arch


def test_the_named_networks_are_different_networks() -> None:
    assert set(PRESETS) == {
        "dite_hrnet_18",
        "dite_hrnet_30",
        "lite_hrnet_18",
        "lite_hrnet_30",
        "lite_hrnet_18_acm",
        "lite_hrnet_18_dsc",
        "lite_hrnet_18_acm_dsc",
    }
    assert len({preset(name).arch_id for name in PRESETS}) == len(PRESETS)


def test_depths_and_kinds() -> None:
    assert preset("dite_hrnet_18").modules == preset("lite_hrnet_18").modules == (2, 4, 2)
    assert preset("dite_hrnet_30").modules == preset("lite_hrnet_30").modules == (3, 8, 3)
    kinds = {name: (preset(name).stem, preset(name).uses_acm, preset(name).uses_dsc) for name in PRESETS}
    assert kinds["dite_hrnet_18"] == ("dgc", True, True)
    assert kinds["lite_hrnet_18"] == ("lite", False, False)
    assert kinds["lite_hrnet_18_acm"] == ("lite", True, False)
    assert kinds["lite_hrnet_18_dsc"] == ("lite", False, True)
    assert kinds["lite_hrnet_18_acm_dsc"] == ("lite", True, True)


def test_sizes_of_the_paper() -> None:
    variants = [(data, arch.input_size, arch.keypoints) for data, arch in paper_variants("lite_hrnet_30")]
    assert variants == [("COCO", (256, 192), 17), ("COCO", (384, 288), 17), ("MPII", (256, 256), 16)]
    arch = preset("lite_hrnet_30", input_size=(256, 256), keypoints=16)
    assert (arch.input_size, arch.keypoints) == ((256, 256), 16)
    assert resized(arch, input_size="384x288").input_size == (384, 288)
    assert resized(arch) == arch


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="unknown network 'dite_hrnet18': did you mean 'dite_hrnet_18'"):
        preset("dite_hrnet18")
    with pytest.raises(InvalidInput, match=r"unknown network 'hrnet_w33': .*known: .*dite_hrnet_18, dite_hrnet_30"):
        resolve_arch("hrnet_w33")


@pytest.mark.parametrize("name", ["net.yaml", "net.json", "net"])
def test_a_network_from_a_file(tmp_path: Path, name: str) -> None:
    arch = preset("dite_hrnet_30", input_size=(384, 288))
    write_mapping(tmp_path / name, arch.to_dict())
    assert resolve_arch(str(tmp_path / name)) == arch


def test_a_file_that_names_a_few_fields(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input_size: 128x96\nkernels: [1, 1, 1, 1]\n")
    assert load_arch(path) == ArchConfig(input_size=(128, 96), kernels=(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups: [1, 1, 3, 1]", "groups of branch 3 must divide half its width: G = 3 does not divide 80"),
        ("grups: [1, 1, 1, 1]", "unknown architecture field 'grups': did you mean 'groups'?"),
        ("input_size: 256*192", "input_size must be written HEIGHTxWIDTH in pixels, as in 256x192, got '256*192'"),
        ("widths: 40", "widths must be a list of 4 integers, got 40"),
        ("[1, 2]", "must hold fields with names (a mapping), got list"),
    ],
)
def test_an_error_in_a_file_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as error:
        load_arch(path)
    assert message in str(error.value)
    assert str(error.value).count(str(path)) == 1


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.json does not exist or is not a file"):
        resolve_arch(str(tmp_path / "absent.json"))


def test_published_counts_name_only_known_networks(reference: Path) -> None:
    rows = json.loads((reference / "counts.json").read_text())["named_models"]
    assert {row["model"].lower().replace("-", "_") for row in rows} <= set(PRESETS)
