"""`Baseline`: what the families of baselines have in common, above all how they are shown to people."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from search_spaces.families.architecture import Architecture, format_size
from search_spaces.families.baselines.layers import LABELS, LAYER
from search_spaces.families.cost import PartCost
from search_spaces.families.family import Family

A = TypeVar("A", bound=Architecture)

WIDE = 72
"""Columns from which on a picture says what a row consists of."""
INPUT_POSITIONS = "multiply-accumulates of convolutions, transposed ones at the positions of their input"


class Row(NamedTuple):
    """One row of a network's picture: a part, its stride, its output channels, and what it consists of."""

    name: str
    stride: int
    channels: int
    layers: str


class Baseline(Family[A]):
    """A family of networks that published tables compare with."""

    published_count = INPUT_POSITIONS

    @abstractmethod
    def rows(self, arch: A) -> list[Row]:
        """Return the parts of a network for its picture, without input and output."""

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        return LABELS

    def part_group(self, part: PartCost) -> str:
        """Return the row of a part: its stage in words, or its kind."""
        if part.kind == LAYER:
            return "layers"
        return self.common_part_labels[part.kind] if part.stage is None else f"stage {part.stage}"

    def outline(self, arch: A) -> str:
        """Return the family, and the fields that set a network apart, in one line."""
        return f"{self.label}: {super().outline(arch)}"

    def diagram(self, arch: A, width: int) -> list[str]:
        """Return a row for each part: name, resolution, channels and, on a wide screen, layers."""
        rows = [Row("input", 1, 3, "image"), *self.rows(arch)]
        rows.append(Row("output", arch.input_size[0] // arch.heatmap_size[0], arch.keypoints, "heatmaps"))
        lines = [f"{'':<12}{'resolution':>12}{'channels':>10}"]
        for name, stride, channels, layers in rows:
            height, columns = arch.input_size
            size = format_size((height // stride, columns // stride)).replace("x", "×")
            line = f"{name:<12}{size:>12}{channels:>10}"
            lines.append(f"{line}   {layers}" if width >= WIDE and layers else line)
        return lines


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: ``1 bottleneck``, ``3 bottlenecks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
