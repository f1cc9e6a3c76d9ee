"""Static ONNX graphs as LiteRT models: every operator of `analysis.onnx` by one of LiteRT's.

Images are (1, H, W, 3) and heatmaps (1, h, w, K) in the file, as applications for LiteRT expect them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx
from onnx import numpy_helper

from analysis.onnx.export import INPUT, OUTPUT
from analysis.runtimes.tflite.flatbuffer import LiteModel
from analysis.runtimes.tflite.layout import Layout, channels_last
from analysis.runtimes.tflite.operators import OPERATORS
from analysis.runtimes.tflite.writer import Writer
from search_spaces.common.errors import InvalidInput


def lite_model(model: bytes) -> bytes:
    """Return the LiteRT model of a static ONNX model.

    Raises:
        InvalidInput: an operator or one of its forms is not among those that our networks need.
    """
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(model)).graph
    lite = LiteModel()
    layout = Layout(lite)
    images = graph.input[0]
    entry = layout.new(INPUT, _shape(images), channels_last(4))
    writer = Writer(
        layout=layout,
        constants={tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer},
        shapes={value.name: _shape(value) for value in (*graph.value_info, *graph.output, images)},
        readers=Counter(name for node in graph.node for name in node.input),
        followers={name: node for node in graph.node for name in node.input},
    )
    for node in graph.node:
        if node.output[0] in layout:
            continue  # an activation that its producer took in
        if node.op_type not in OPERATORS:
            raise InvalidInput(f"LiteRT models are written without the ONNX operator {node.op_type}")
        OPERATORS[node.op_type](writer, node)
    heatmaps = layout.get(graph.output[0].name, channels_last(4))
    return lite.content({INPUT: entry.index}, {OUTPUT: heatmaps}, "dite-search")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
