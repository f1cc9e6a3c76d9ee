"""Shapes of an ONNX graph: free the batch it was traced with, and take the arithmetic on shapes out.

Every tensor of our network has the batch first, and for one input size its other dimensions are constant. What a tensor
of integers holds is read from two runs at different batch sizes. Where both agree it is a constant; where a reshape
differs in the leading batch alone, that entry becomes 0, which means "as in the input". Every other tensor stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

BATCHES = (2, 3)
Integers = NDArray[np.int64]


def free_batch(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Let a graph traced with ``batch`` samples take any number of them; the argument is used up.

    Only a reshape spells its batch out: where its constant shape begins with ``batch``, 0 says "as in the input".
    """
    constants = {entry.name: entry for entry in model.graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    for node in [node for node in model.graph.node if node.op_type == "Reshape" and node.input[1] in constants]:
        shape = numpy_helper.to_array(constants[node.input[1]])
        if shape.size and shape[0] == batch:
            name = f"{node.input[1]}_any_batch"
            if name not in constants:
                constants[name] = numpy_helper.from_array(np.concatenate([[0], shape[1:]]).astype(np.int64), name)
                model.graph.initializer.append(constants[name])
            node.input[1] = name
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
    return model


def fold_shapes(model: onnx.ModelProto, sizes: Mapping[str, tuple[int, ...]]) -> onnx.ModelProto:
    """The same function with constants for computed shapes; ``sizes`` gives the shape of each input without its batch.

    The argument is used up: go on with what is returned.
    """
    names = _integer_tensors(model)
    first, second = (_run(model, names, sizes, batch) for batch in BATCHES)
    constants = {name: first[name] for name in names if np.array_equal(first[name], second[name])}
    reshapes = [node for node in model.graph.node if node.op_type == "Reshape" and node.input[1] in first]
    for node in reshapes:
        name = node.input[1]
        shape = _free_batch(first[name], second[name])
        if name not in constants and shape is not None:
            node.input[1] = f"{name}_free"
            constants[node.input[1]] = shape
    kept = [node for node in model.graph.node if not set(node.output) <= constants.keys()]
    initializers = {entry.name: entry for entry in model.graph.initializer}
    initializers |= {name: numpy_helper.from_array(value, name) for name, value in constants.items()}
    kept = _needed(kept, {output.name for output in model.graph.output})
    used = {name for node in kept for name in node.input}
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(entry for name, entry in initializers.items() if name in used)
    return model


def _integer_tensors(model: onnx.ModelProto) -> list[str]:
    inferred = onnx.shape_inference.infer_shapes(model)
    return [entry.name for entry in inferred.graph.value_info if entry.type.tensor_type.elem_type == onnx.TensorProto.INT64]


def _run(model: onnx.ModelProto, names: list[str], sizes: Mapping[str, tuple[int, ...]], batch: int) -> dict[str, Integers]:
    if not names:
        return {}
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {name: np.zeros((batch, *size), np.float32) for name, size in sizes.items()}
    return dict(zip(names, session.run(names, feed), strict=True))


def _free_batch(first: Integers, second: Integers) -> Integers | None:
    """The shape with 0 for a leading batch, where that is the one thing the two runs differ in, else None."""
    if first.ndim != 1 or first.shape != second.shape or not np.array_equal(first[1:], second[1:]):
        return None
    return np.concatenate([[0], first[1:]]).astype(np.int64) if (first[0], second[0]) == BATCHES else None


def _needed(nodes: list[Any], wanted: set[str]) -> list[Any]:
    """The nodes that the wanted tensors depend on, in their order."""
    wanted, kept = set(wanted), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]
