"""A graph on its way into a LiteRT model, as the writers of single operators see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from analysis.runtimes.tflite.layout import Held, Layout, Shape
from search_spaces.common.errors import InvalidInput

Array = NDArray[Any]
NONE, RELU, RELU6 = (int(getattr(schema.ActivationFunctionType, name)) for name in ("NONE", "RELU", "RELU6"))


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A graph on its way into a model.

    Args:
        layout: The tensors that are there, and the model.
        constants: The constants of the graph.
        shapes: The shapes of its tensors.
        readers: How often each tensor is read.
        followers: The last node that reads a tensor.
    """

    layout: Layout
    constants: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    readers: Mapping[str, int]
    followers: Mapping[str, Any]

    def out(self, node: Any, order: tuple[int, ...], position: int = 0) -> Held:
        """A new tensor for an output of a node."""
        name = node.output[position]
        return self.layout.new(name, self.shapes[name], order)

    def activated(self, node: Any, order: tuple[int, ...]) -> tuple[Held, int]:
        """The tensor of a node's output, and the activation that the node takes in because nothing else reads the output."""
        follower, name = self.followers.get(node.output[0]), node.output[0]
        function = NONE if follower is None or self.readers[name] > 1 else self.activation(follower)
        held = self.out(node, order)
        if function != NONE and follower is not None:
            self.layout.hold(follower.output[0], held)
        return held, function

    def activation(self, node: Any) -> int:
        """The activation that a node is, or NONE."""
        if node.op_type == "Relu":
            return RELU
        if node.op_type != "Clip":
            return NONE
        bounds = [float(self.constants[name]) for name in node.input[1:]]
        return RELU6 if bounds == [0.0, 6.0] else NONE

    def constant(self, values: Array) -> int:
        """The index of a constant."""
        return self.layout.model.constant(values)

    def add(self, kind: str, inputs: list[int], *outputs: Held, **options: Any) -> None:
        """Add an operator."""
        self.layout.model.add(kind, inputs, [held.index for held in outputs], **options)


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node by name, texts as texts."""
    values = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def refused(node: Any) -> InvalidInput:
    """The error for a form of an operator that our networks do not have."""
    return InvalidInput(f"LiteRT models are written without an ONNX {node.op_type} like {node.name}")
