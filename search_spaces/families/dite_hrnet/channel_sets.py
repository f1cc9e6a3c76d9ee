"""Index sets under which a narrower network reads its weights out of those of a wider one.

A block works on the second half of a branch and shuffles. So the first channels of a branch stand for other things in every
width. These sets keep together channels that a block treats alike.

Shape legend: C channels of the widest branch and H its half, c channels of a narrower branch and h its half. G is the number
of groups of DSC. All indices count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

USUAL_PARTS = 8
"""Equal parts of a branch of which a narrower one takes the beginnings: twice the largest G of the published networks."""


def common_parts(widths: Iterable[int], groups: Iterable[int]) -> int:
    """Return the number of equal parts that divides all widths, `USUAL_PARTS` where they allow it; 0 where none suits G.

    A part must lie within one half, and within one group of that half for every G.
    """
    counts = set(groups)
    parts, divisor = math.lcm(USUAL_PARTS, *(2 * count for count in counts)), math.gcd(*widths)
    while parts % 2 == 0 and divisor % parts:
        parts //= 2
    return parts if divisor % parts == 0 and all(parts % (2 * count) == 0 for count in counts) else 0


def anchor(width: int, largest: int, parts: int) -> Indices:
    """Return the channels (c,) of the widest branch at the places of a narrower one, where a block begins.

    They are the beginnings of equal parts, in order, so that the first half lies in the first half.
    """
    assert width % parts == largest % parts == 0, (width, largest, parts)
    beginnings = np.arange(parts, dtype=np.int64)[:, None] * (largest // parts)
    return (beginnings + np.arange(width // parts, dtype=np.int64)).ravel()


def worked(places: Indices, largest: int) -> Indices:
    """Return the channels (h,) of the second half of the widest branch that a block of the narrower one works on."""
    return places[len(places) // 2 :] - largest // 2


def after_split(half: int, groups: int) -> Indices:
    """Return the channel (h,) of a half at each place behind a DSC, which shuffles its G groups."""
    places = np.arange(half, dtype=np.int64)
    return places % groups * (half // groups) + places // groups


def readers(places: Indices, worked_channels: Indices, groups: int) -> Indices:
    """Return the columns (c,) of the widest branch's readers at the places behind a block of a narrower branch.

    Columns stand in the order behind a block with one group: passed channels at even places, worked ones at odd places.

    Args:
        places: The anchor (c,).
        worked_channels: The channels (h,) of `worked`.
        groups: G of the narrower branch.
    """
    half = len(worked_channels)
    columns = np.empty(2 * half, np.int64)
    columns[0::2] = 2 * places[:half]
    columns[1::2] = 2 * worked_channels[after_split(half, groups)] + 1
    return columns


def joined(sets: Iterable[Indices], sizes: Iterable[int]) -> Indices:
    """Return index sets of several branches as one over their concatenation.

    Args:
        sets: The index set of each branch.
        sizes: The number of channels of each branch that the set counts from.
    """
    offset, found = 0, []
    for indices, size in zip(sets, sizes, strict=True):
        found.append(indices + offset)
        offset += size
    return np.concatenate(found)


def prefix(count: int) -> Indices:
    """Return the first indices (count,), which are right for inner units of a layer alone."""
    return np.arange(count, dtype=np.int64)
