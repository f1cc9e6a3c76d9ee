"""An architecture as a picture in text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.diagram import NARROW, block_words, diagram, kernel_sizes, settings
from search_spaces.registry import preset
from tests.strategies import architectures


@given(architectures(max_modules=12), st.integers(NARROW, 200))
def test_every_line_fits_and_every_width_is_there(arch: ArchConfig, width: int) -> None:
    lines = diagram(arch, width=width)
    assert max(map(len, lines)) <= width
    rows = {line.split()[1]: line for line in lines if line.startswith("stage ")}
    for stage in (2, 3, 4):
        assert [int(cell) for cell in rows[str(stage)].split()[2:]] == list(arch.widths[:stage])


@pytest.mark.parametrize("size", [(512, 384), (2048, 2048), (32, 32)])
def test_resolutions_never_touch(size: tuple[int, int]) -> None:
    lines = diagram(preset("dite_hrnet_18", input_size=size), width=NARROW)
    assert max(map(len, lines)) <= NARROW
    numbers = [line.split()[1:] for line in lines if line.split()[0] in ("resolution", "height", "width")]
    assert all(len(cells) == 4 for cells in numbers)
    heights = [cell.split("×")[0] for cell in numbers[0]]
    assert heights == [str(size[0] // stride) for stride in (4, 8, 16, 32)]


def test_a_branch_begins_below_the_one_it_comes_from() -> None:
    lines = diagram(ArchConfig(), width=NARROW)
    begins = [line for line in lines if "┐" in line]
    assert len(begins) == 3
    middles = [column for column, mark in enumerate(begins[-1]) if mark in "│├┐"]
    assert len(middles) == 4
    assert [line.index("├") for line in begins] == [middles[0], middles[1], middles[2]]
    fused = next(line for line in reversed(lines) if "╡" in line)
    assert [column for column, mark in enumerate(fused) if mark in "╞╪╡"] == middles
    assert "2×2 DMC" in fused


def test_settings_of_the_branches() -> None:
    found = dict(settings(ArchConfig()))
    assert found["groups G"] == ["1", "1", "2", "4"]
    assert found["kernel side"] == ["3", "3", "3, 5", "3–9"]
    assert found["kernels N"] == ["4", "4", "2", "1"]
    static = dict(settings(resized(preset("lite_hrnet_18"), input_size=(64, 64))))
    assert static["kernel side"] == ["3"] * 4
    assert static["resolution"] == ["16×16", "8×8", "4×4", "2×2"]


def test_kernel_sizes_follow_equation_1() -> None:
    assert [kernel_sizes(groups) for groups in (1, 2, 3)] == ["3", "3, 5", "3–7"]


def test_blocks_in_words() -> None:
    assert block_words(ArchConfig()) == "DCM and GCM around DSC with kernel attention"
    assert block_words(ArchConfig(kernels=(1, 1, 1, 1))) == "DCM and GCM around DSC with static kernels"
    assert "static depth-wise" in block_words(preset("lite_hrnet_18"))
