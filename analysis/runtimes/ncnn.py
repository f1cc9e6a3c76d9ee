"""ncnn: a parameter file and its weights, made by pnnx from the static ONNX model."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from analysis.runtimes.runtime import Heatmaps, Images, Runner, Runtime, Static, as_batch
from search_spaces.common.errors import InvalidInput

INPUT, OUTPUT = "in0", "out0"
"""Names that pnnx gives."""
REDUCED_PRECISION = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")


def convert(static: Static, folder: Path, stem: str) -> None:
    """Write the files of a network.

    Raises:
        InvalidInput: pnnx fails, or the result holds an operator that ncnn does not have.
    """
    import pnnx

    with tempfile.TemporaryDirectory(prefix="dite-search-") as scratch:
        (Path(scratch) / "model.onnx").write_bytes(static.model)
        # Weights in half precision are its default.
        words = [pnnx.EXEC_PATH, "model.onnx", "fp16=0"]
        done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, errors="replace", check=False)
        made = [Path(scratch) / f"model.ncnn{ending}" for ending in (".param", ".bin")]
        if done.returncode or not all(path.is_file() for path in made):
            raise InvalidInput(f"pnnx cannot convert the network, its exit status is {done.returncode}")
        for path in made:
            (folder / f"{stem}{''.join(path.suffixes)}").write_bytes(path.read_bytes())
    opened(folder / f"{stem}.ncnn.param", 1)


def opened(path: Path, threads: int) -> Runner:
    """Open a parameter file, and the weights beside it, for one image at a time.

    Raises:
        InvalidInput: a file is missing or broken, or it holds an operator that ncnn does not have.
    """
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    for option in REDUCED_PRECISION:
        setattr(net.opt, option, False)
    weights = path.with_suffix(".bin")
    if not (path.is_file() and weights.is_file()):
        raise InvalidInput(f"ncnn model {path} and {weights.name} beside it must be files")
    if net.load_param(str(path)) or net.load_model(str(weights)):
        raise InvalidInput(f"ncnn model {path} cannot be opened")

    def run(image: Images) -> Heatmaps:
        with net.create_extractor() as extractor:
            # The matrix reads the memory of the image, which has to live as long.
            extractor.input(INPUT, ncnn.Mat(image[0]))
            failed, heatmaps = extractor.extract(OUTPUT)
            if failed:
                raise InvalidInput(f"ncnn model {path} cannot be run")
            return np.array(heatmaps)[None]

    return as_batch(run)


RUNTIME = Runtime(
    name="ncnn",
    distribution="ncnn",
    needed=("ncnn", "pnnx"),
    convert=convert,
    open=opened,
    why_no_int8="ncnn makes int8 models with a program of its own, which no Python package brings",
)
