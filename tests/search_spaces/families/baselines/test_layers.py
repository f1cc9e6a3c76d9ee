"""The rules of fields that several baselines share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.baselines.layers import scaled
from tests.baselines import small


@given(st.integers(1, 2000), st.integers(2, 80))
def test_scaled_channels_are_multiples_of_8_close_to_the_product(channels: int, steps: int) -> None:
    factor = steps * 0.05
    found = scaled(channels, factor)
    assert found % 8 == 0
    assert 0.9 * channels * factor <= found <= max(8, channels * factor + 8)


def test_a_factor_of_1_keeps_multiples_of_8() -> None:
    assert [scaled(channels, 1.0) for channels in range(8, 2000, 8)] == list(range(8, 2000, 8))


@pytest.mark.parametrize("value", [0.0, 0.07, 4.05, 1.01, True, "1", float("nan")])
@pytest.mark.parametrize("family", ["mobilenet_v2", "mobilenet_v3"])
def test_a_width_factor_off_the_grid_is_refused(family: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^width_factor must be a multiple of 0.05 from 0.1 to 4, got "):
        small(family, width_factor=value)


def test_a_width_factor_has_one_spelling() -> None:
    assert small("mobilenet_v2", width_factor=1).arch_id == small("mobilenet_v2", width_factor=0.1 + 0.9).arch_id


@pytest.mark.parametrize(
    ("family", "fields", "sentence"),
    [
        ("simple_baseline", {"blocks": (1, 2, 3)}, r"blocks must be a list of 4 integers, got \(1, 2, 3\)"),
        ("simple_baseline", {"head_channels": (16, 16)}, r"head_channels must be a list of 3 integers"),
        ("simple_baseline", {"input_size": (250, 192)}, "input_size must be multiples of 32, got 250x192"),
        ("hrnet", {"base_width": 0}, "base_width must be an integer from 1 to 512, got 0"),
        ("hrnet", {"modules": (1, 0, 1)}, r"modules\[1\] must be an integer from 1 to 64, got 0"),
        ("hrnet", {"blocks": 65}, "blocks must be an integer from 1 to 64, got 65"),
        ("mobilenet_v2", {"last_channels": 0}, "last_channels must be an integer from 1 to 4096, got 0"),
        ("mobilenet_v3", {"blocks": (1, 1, 1, 1, 1, 1)}, r"blocks\[5\] must be at least 2, got 1"),
        ("shufflenet_v2", {"stage_widths": (8, 15, 24)}, r"stage_widths\[1\] must be even, got 15"),
        ("hourglass", {"input_size": (256, 192)}, "input_size must be multiples of 128, got 256x192"),
        ("hourglass", {"widths": (7,) * 6}, r"widths\[0\] must be even, got 7"),
        ("stacked_hourglass", {"base_width": 18}, "base_width must be a multiple of 4, got 18"),
        ("stacked_hourglass", {"input_size": (96, 64)}, "input_size must be multiples of 64, got 96x64"),
        ("cpn", {"pyramid_channels": 9}, "pyramid_channels must be even, got 9"),
        ("cpn", {"keypoints": 0}, "keypoints must be an integer from 1 to 4096, got 0"),
    ],
)
def test_a_field_that_breaks_its_rule_is_said(family: str, fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        small(family, **fields)
