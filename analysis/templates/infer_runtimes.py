"""Models of an export, opened by the runtimes that run them; this text becomes part of the exported example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def onnx_model(path: Path, threads: int) -> Any:
    """Open an ONNX model; like the openers below, return a function of images (1, 3, H, W) to heatmaps (K, h, w)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0][0]


def openvino_model(path: Path, threads: int) -> Any:
    """Open an OpenVINO model, in single precision: by default some processors compute in bfloat16."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()
    return lambda images: request.infer({0: images})[0][0].copy()


def ncnn_model(path: Path, threads: int) -> Any:
    """Open an ncnn model, in single precision."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads or net.opt.num_threads
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_vulkan_compute"):
        setattr(net.opt, option, False)
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise ValueError("it is no ncnn model, or its .bin is missing")

    def run(images: Any) -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(images[0]))
            return np.array(extractor.extract("out0")[1])

    return run


def litert_model(path: Path, threads: int) -> Any:
    """Open a LiteRT model, whose images and heatmaps have the channels last."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads or None)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(images: Any) -> Any:
        interpreter.set_tensor(source, images.transpose(0, 2, 3, 1))
        interpreter.invoke()
        return interpreter.get_tensor(target)[0].transpose(2, 0, 1)

    return run


OPENERS = {"onnx": onnx_model, "openvino": openvino_model, "ncnn": ncnn_model, "litert": litert_model}
PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "litert": "ai-edge-litert"}
MODELS = {"onnx": "model.onnx", "openvino": "model.xml", "ncnn": "model.ncnn.param", "litert": "model.tflite"}
