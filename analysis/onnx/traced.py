"""The traced ONNX form of a network that has no writer of its own.

Torch's exporter to TorchScript is used. Its successor needs one package more (onnxscript), and gives operators other names,
which the checks of an export would have to know.
"""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import nn

from analysis.onnx.graph import IR_VERSION, OPSET
from analysis.onnx.session import CPU_PROVIDER

EXAMPLE_BATCH = 2
"""A batch of one would be taken for a constant."""


def traced_model(
    network: nn.Module,
    input_size: tuple[int, int],
    *,
    input_name: str,
    output_name: str,
    properties: Mapping[str, str],
    static: bool = False,
    double: bool = False,
) -> bytes:
    """Return a network in evaluation mode as an ONNX model.

    Args:
        network: The network; it is left as it is.
        input_size: The height and width of an image.
        input_name: The name of the images (B, 3, H, W).
        output_name: The name of the heatmaps.
        properties: Texts that the model carries.
        static: Whether the batch is one image; it is free otherwise.
        double: Whether the model computes in double precision.
    """
    dtype = torch.float64 if double else torch.float32
    network = copy.deepcopy(network).cpu().to(dtype).eval().requires_grad_(False)
    example, buffer = torch.zeros(1 if static else EXAMPLE_BATCH, 3, *input_size, dtype=dtype), io.BytesIO()
    with torch.no_grad():
        shape = network(example).shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (example,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[input_name],
            output_names=[output_name],
            dynamic_axes=None if static else {input_name: {0: "batch"}, output_name: {0: "batch"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    if static and not double:
        model = _folded(model)
    model.ir_version, model.producer_name, model.producer_version = IR_VERSION, "dite-search", ""
    # The exporter gives up on shapes behind some operators, and names them.
    for dimension, size in zip(model.graph.output[0].type.tensor_type.shape.dim[1:], shape[1:], strict=True):
        dimension.dim_value = size
    onnx.checker.check_model(model, full_check=True)
    for name, value in properties.items():
        model.metadata_props.add(key=name, value=value)
    content: bytes = model.SerializeToString()
    return content


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without what a fixed batch makes a constant; ONNX Runtime has kernels for single precision alone."""
    with tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
        path = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[CPU_PROVIDER])
        folded = onnx.load(path)
    del folded.opset_import[:]
    folded.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    return folded
