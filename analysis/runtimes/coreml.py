"""Core ML: a package for Apple's systems. It is written anywhere, and runs on a Mac alone."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn
from torch.export import ExportedProgram

from analysis.runtimes.runtime import Runtime, Static, quiet

INPUT, OUTPUT = "images", "heatmaps"


def convert(static: Static, folder: Path, stem: str) -> None:
    """Write the package of a network: a program in single precision for systems from iOS 15 and macOS 12 on."""
    with quiet():
        # Even the import complains, about what Apple's systems alone have.
        import coremltools

        shape = (1, 3, *static.input_size)
        model = coremltools.convert(
            program_of(static),
            inputs=[coremltools.TensorType(name=INPUT, shape=shape)],
            outputs=[coremltools.TensorType(name=OUTPUT)],
            convert_to="mlprogram",
            compute_precision=coremltools.precision.FLOAT32,
            minimum_deployment_target=coremltools.target.iOS15,
        )
        model.save(str(folder / f"{stem}.mlpackage"))


def program_of(static: Static) -> ExportedProgram:
    """Return the network as a program of torch for one image, in which every kernel is a constant.

    The converter reads no ONNX. Dynamic convolutions have a switch for the sum of convolutions, ``linear``.
    """
    network: nn.Module = copy.deepcopy(static.network).cpu().eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(getattr(module, "linear", None), bool):
            module.linear = True  # type: ignore[assignment]
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        program = torch.export.export(network, (torch.zeros(1, 3, *static.input_size, dtype=dtype),))
    decomposed: torch.export.ExportedProgram = program.run_decompositions({})
    return decomposed


RUNTIME = Runtime(
    name="coreml",
    distribution="coremltools",
    needed=("coremltools",),
    convert=convert,
    open=None,
    why_no_int8="int8 for Core ML is not made",
)
