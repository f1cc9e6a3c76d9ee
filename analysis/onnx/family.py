"""`OnnxForms`: the ONNX graph of a family's networks, and the parts that their latency adds up from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from analysis.onnx.graph import Graph, Value
from analysis.onnx.weights import Array

Part = str
"""A part's kind and the fields that it depends on, as canonical JSON: its name in a table."""
Model = tuple[bytes, dict[str, tuple[int, ...]]]
"""An ONNX model, and the shapes (C, H, W) of its inputs."""


class Place(NamedTuple):
    """Where a part stands in its network: places sort from the input to the output."""

    order: tuple[int, int]
    kind: str
    stage: int | None = None
    branch: int | None = None


@dataclass(frozen=True, kw_only=True)
class LatencyParts:
    """The parts that a latency is predicted from.

    Args:
        parts_of: how often each part occurs in a network; a part may count negatively.
        model: the ONNX model of a part, with random weights.
        place_of: where a part stands.
    """

    parts_of: Callable[[Any], Counter[Part]]
    model: Callable[[Part], Model]
    place_of: Callable[[Part], Place]


@dataclass(frozen=True, kw_only=True)
class OnnxForms:
    """The ONNX forms that are written by hand for a family; None takes the form that serves every network.

    Args:
        write: writes a network into a graph: architecture, trained arrays and images (3, H, W) to heatmaps (K, H/4, W/4).
            Without it the graph is traced.
        latency: the parts of a latency. Without them it is measured, and never predicted.
        reference: makes the model that the speed of a machine is told by. The first family has one.
    """

    write: Callable[[Graph, Any, Mapping[str, Array], Value], Value] | None = None
    latency: LatencyParts | None = None
    reference: Callable[[], Model] | None = None
