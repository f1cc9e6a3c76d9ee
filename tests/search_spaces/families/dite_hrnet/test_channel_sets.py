"""Index sets by labels: a block of a narrower network does to a channel what the widest network's block does to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.families.dite_hrnet.channel_sets import (
    after_split,
    anchor,
    common_parts,
    joined,
    prefix,
    readers,
    worked,
)

GROUPS = (1, 2, 4)


@st.composite
def branches(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw a width, the largest width of its branch, and their common parts; every G of `GROUPS` is allowed."""
    largest = draw(st.integers(1, 12))
    width = draw(st.integers(1, largest))
    parts = draw(st.sampled_from((8, 16)))
    return parts * width, parts * largest, parts


def split_convolution(labels: list[str], groups: int) -> list[str]:
    """Do what DSC does, to labels: every group learns its side, then the groups are shuffled."""
    size = len(labels) // groups
    parts = [[f"{label} by {2 * g + 3}" for label in labels[g * size : (g + 1) * size]] for g in range(groups)]
    return [part[k] for k in range(size) for part in parts]


def block(labels: list[str], groups: int) -> list[str]:
    """Do what a block does, to labels: the second half is worked on, and shuffled with the first."""
    half = len(labels) // 2
    done = split_convolution(labels[half:], groups)
    return [label for pair in zip(labels[:half], done, strict=True) for label in pair]


@given(branches(), st.sampled_from(GROUPS))
def test_a_narrower_block_does_the_same_to_the_same_channels(branch: tuple[int, int, int], groups: int) -> None:
    width, largest, parts = branch
    wide = [f"c{place}" for place in range(largest)]
    places = anchor(width, largest, parts)
    narrow = [wide[place] for place in places]
    assert set(block(narrow, groups)) <= set(block(wide, groups))


@given(branches(), st.sampled_from(GROUPS))
def test_worked_channels_are_those_of_the_second_half(branch: tuple[int, int, int], groups: int) -> None:
    width, largest, parts = branch
    places = anchor(width, largest, parts)
    channels = worked(places, largest)
    assert channels.min() >= 0
    assert channels.max() < largest // 2
    # Each group lies within the widest network's group of the same number, and so sees the same side.
    group = channels // (largest // 2 // groups)
    assert np.array_equal(group, np.repeat(np.arange(groups), width // 2 // groups))


@given(branches(), st.sampled_from(GROUPS))
def test_readers_find_each_channel_in_its_column(branch: tuple[int, int, int], groups: int) -> None:
    """Columns are named by the channel alone, whatever the side of its kernel: those of one group are in order."""
    width, largest, parts = branch
    places = anchor(width, largest, parts)
    columns = block([f"c{place}" for place in range(largest)], 1)
    behind = block([f"c{place}" for place in places], groups)
    found = [columns[column] for column in readers(places, worked(places, largest), groups)]
    assert [label.partition(" ")[0] for label in found] == [label.partition(" ")[0] for label in behind]


@given(branches())
def test_narrower_sets_lie_in_wider_ones(branch: tuple[int, int, int]) -> None:
    width, largest, parts = branch
    places = anchor(width, largest, parts)
    assert np.array_equal(np.unique(places), places)
    for wider in range(width, largest + 1, parts):
        assert set(places) <= set(anchor(wider, largest, parts))
    assert np.array_equal(anchor(largest, largest, parts), np.arange(largest))


def test_the_first_channels_would_be_wrong() -> None:
    """The prefix of 8 channels of 16 holds none that the wider block works on."""
    wide = [f"c{place}" for place in range(16)]
    done = {label for label in block(wide, 1) if " by " in label}
    assert not {f"{label} by 3" for label in wide[:8]} & done
    assert len({f"{wide[place]} by 3" for place in anchor(8, 16, 8)} & done) == 4


@pytest.mark.parametrize("groups", GROUPS)
def test_the_order_behind_a_split_is_a_permutation(groups: int) -> None:
    labels = [f"c{place}" for place in range(8)]
    behind = [label.partition(" ")[0] for label in split_convolution(labels, groups)]
    assert [labels[channel] for channel in after_split(8, groups)] == behind


@pytest.mark.parametrize(
    ("widths", "groups", "parts"),
    [
        ((32, 40, 48), (1, 2, 4), 8),
        ((8, 16), (1,), 8),
        ((12, 20), (1, 2), 4),
        ((10, 14), (1,), 2),
        ((12, 20), (1, 4), 0),
        ((12, 24), (1, 3), 12),
        ((16, 32), (8,), 16),
        ((8, 32), (8,), 0),
    ],
)
def test_common_parts(widths: tuple[int, ...], groups: tuple[int, ...], parts: int) -> None:
    assert common_parts(widths, groups) == parts


def test_sets_are_joined_behind_each_other() -> None:
    assert joined([prefix(2), np.array([1, 3])], [4, 6]).tolist() == [0, 1, 5, 7]
