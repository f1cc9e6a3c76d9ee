"""LiteRT (TensorFlow Lite): one file, in single precision or in int8 by the AI Edge Quantizer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from analysis.onnx.export import INPUT
from analysis.runtimes.runtime import Heatmaps, Images, Runner, Runtime, Static, as_batch, quiet
from search_spaces.common.errors import InvalidInput, first_line

QUANTISED = ("CONV_2D", "DEPTHWISE_CONV_2D")
"""Operators in int8; attention, weightings and transposed convolutions stay in floating point."""


def convert(static: Static, folder: Path, stem: str) -> None:
    """Write the file of a network."""
    from analysis.runtimes.tflite.convert import lite_model

    (folder / f"{stem}.tflite").write_bytes(lite_model(static.model))


def quantise(static: Static, folder: Path, stem: str, images: Iterable[Images]) -> None:
    """Write the file with its convolutions in int8, weights by channel and activations by tensor."""
    from ai_edge_quantizer import qtyping, quantizer

    from analysis.runtimes.tflite.convert import lite_model
    from analysis.runtimes.tflite.flatbuffer import SIGNATURE

    with tempfile.TemporaryDirectory(prefix="dite-search-") as scratch, quiet():
        source = Path(scratch) / "float.tflite"
        source.write_bytes(lite_model(static.model))
        tool = quantizer.Quantizer(str(source))
        for name in QUANTISED:
            tool.add_static_config(
                regex=".*", operation_name=qtyping.TFLOperationName[name], activation_num_bits=8, weight_num_bits=8
            )
        samples = [{INPUT: np.ascontiguousarray(image.transpose(1, 2, 0)[None])} for image in images]
        ranges = tool.calibrate({SIGNATURE: samples})
        tool.quantize(ranges).export_model(str(folder / f"{stem}.tflite"), overwrite=True)


def opened(path: Path, threads: int) -> Runner:
    """Open a file for one image at a time; images and heatmaps lie with channels last in it.

    Raises:
        InvalidInput: the file is missing or broken.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            interpreter = Interpreter(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InvalidInput(f"LiteRT model {path} cannot be opened: {first_line(error)}") from None
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(image: Images) -> Heatmaps:
        interpreter.set_tensor(source, image.transpose(0, 2, 3, 1))
        interpreter.invoke()
        heatmaps: Heatmaps = interpreter.get_tensor(target).transpose(0, 3, 1, 2)
        return heatmaps

    return as_batch(run)


RUNTIME = Runtime(
    name="litert",
    distribution="ai-edge-litert",
    needed=("ai_edge_litert", "ai_edge_quantizer"),
    convert=convert,
    open=opened,
    quantise=quantise,
)
