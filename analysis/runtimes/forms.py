"""The files of a network in each runtime beside ONNX Runtime: known without the runtime's own packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RuntimeForm:
    """The form of a network that a runtime reads.

    Args:
        label: The name of the runtime in texts.
        endings: The endings of the files of a network; the first is the one that is opened.
        note: A few words on the form for the card of an export.
        has_int8: Whether the form is made in int8 too.
    """

    label: str
    endings: tuple[str, ...]
    note: str
    has_int8: bool = False


FORMS: Mapping[str, RuntimeForm] = {
    "openvino": RuntimeForm(
        label="OpenVINO",
        endings=(".xml", ".bin"),
        note="OpenVINO, one image; `INFERENCE_PRECISION_HINT` must be `f32`",
        has_int8=True,
    ),
    "ncnn": RuntimeForm(label="ncnn", endings=(".ncnn.param", ".ncnn.bin"), note="ncnn, one image from `in0` to `out0`"),
    "litert": RuntimeForm(
        label="LiteRT",
        endings=(".tflite",),
        note="LiteRT (TensorFlow Lite) for one image, channels last",
        has_int8=True,
    ),
    "coreml": RuntimeForm(label="Core ML", endings=(".mlpackage",), note="Core ML for one image; never run by this export"),
}
"""The forms by the names of their runtimes."""
