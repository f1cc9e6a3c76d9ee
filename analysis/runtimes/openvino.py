"""OpenVINO on the processor: an IR file and its weights, in single precision or in int8 by NNCF."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.runtimes.runtime import Heatmaps, Images, Runner, Runtime, Static, as_batch, quiet
from search_spaces.common.errors import InvalidInput

KEPT_IN_FLOAT = ("Add", "AvgPool", "Interpolate", "MatMul", "Multiply", "ReduceMean", "Softmax")
"""Operators of attention and weightings: convolutions alone are in int8, as in the other int8 models."""


def convert(static: Static, folder: Path, stem: str) -> None:
    """Write the IR of a network; weights stay in single precision."""
    import openvino

    openvino.save_model(openvino.Core().read_model(static.model), folder / f"{stem}.xml", compress_to_fp16=False)


def quantise(static: Static, folder: Path, stem: str, images: Iterable[Images]) -> None:
    """Write the IR in int8; the convolution of the heatmaps stays in floating point, as in the int8 ONNX model."""
    import nncf
    import openvino

    read = openvino.Core().read_model(static.model)
    last = read.output(0).get_node().input_value(0).get_node()
    nodes = (last, last.input_value(0).get_node())
    kept = [node.get_friendly_name() for node in nodes if node.get_type_name() == "Convolution"]
    calibration = [image[None] for image in images]
    with quiet():
        nncf.set_log_level(logging.ERROR)
        quantised = nncf.quantize(
            read,
            nncf.Dataset(calibration),
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(names=kept, types=list(KEPT_IN_FLOAT), validate=False),
        )
    openvino.save_model(quantised, folder / f"{stem}.xml", compress_to_fp16=False)


def opened(path: Path, threads: int) -> Runner:
    """Open an IR file for one image at a time.

    The precision is given: by default OpenVINO computes in bfloat16 where the processor can, and heatmaps differ then.

    Raises:
        InvalidInput: the file or its weights are missing or broken.
    """
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    try:
        compiled = openvino.Core().compile_model(path, "CPU", settings)
    except RuntimeError as error:
        raise InvalidInput(f"OpenVINO model {path} cannot be opened: {_last_line(error)}") from None
    request = compiled.create_infer_request()

    def run(image: Images) -> Heatmaps:
        found: Any = request.infer({0: image})[0]
        heatmaps: Heatmaps = found.copy()
        return heatmaps

    return as_batch(run)


def _last_line(error: BaseException) -> str:
    """The message of an error, which begins with places in OpenVINO's own source."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


RUNTIME = Runtime(
    name="openvino",
    distribution="openvino",
    needed=("openvino", "nncf"),
    convert=convert,
    open=opened,
    quantise=quantise,
)
