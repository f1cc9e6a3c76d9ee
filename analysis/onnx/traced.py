"""The traced ONNX form of a network that has no writer of its own.

Torch's exporter to TorchScript is used. Its successor needs one package more (onnxscript), and gives operators other names,
which the checks of an export would have to know.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Mapping

import onnx
import torch
from torch import nn

from analysis.onnx.graph import IR_VERSION, OPSET

EXAMPLE_BATCH = 2
"""A batch of one would be taken for a constant."""


def traced_model(
    network: nn.Module, input_size: tuple[int, int], *, input_name: str, output_name: str, properties: Mapping[str, str]
) -> bytes:
    """Return a network in evaluation mode as an ONNX model with a free batch dimension."""
    network = copy.deepcopy(network).cpu().float().eval().requires_grad_(False)
    example, buffer = torch.zeros(EXAMPLE_BATCH, 3, *input_size), io.BytesIO()
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
            dynamic_axes={input_name: {0: "batch"}, output_name: {0: "batch"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    model.ir_version, model.producer_name, model.producer_version = IR_VERSION, "dite-search", ""
    # The exporter gives up on shapes behind some operators, and names them.
    for dimension, size in zip(model.graph.output[0].type.tensor_type.shape.dim[1:], shape[1:], strict=True):
        dimension.dim_value = size
    onnx.checker.check_model(model, full_check=True)
    for name, value in properties.items():
        model.metadata_props.add(key=name, value=value)
    content: bytes = model.SerializeToString()
    return content
