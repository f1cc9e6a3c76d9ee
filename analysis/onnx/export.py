"""From a network to an ONNX file with a free batch dimension, and the proof that it computes the same heatmaps.

Shape legend: B batch, K keypoints, H and W input height and width.

A family may write its graph part by part (`analysis.onnx.writers`). The form that ONNX Runtime runs fastest is not the form
that trains fastest. A written file takes tenths of a second where PyTorch's exporters take 10 s and more. All others are
traced.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.onnx.graph import OPSET, Graph
from analysis.onnx.session import open_session
from analysis.onnx.traced import traced_model
from analysis.onnx.weights import arrays
from analysis.onnx.writers import forms_of
from search_spaces.families.architecture import Architecture
from trainers.data.geometry.transforms import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["FORM", "INPUT", "OPSET", "OUTPUT", "Agreement", "agreement", "onnx_bytes", "relative_difference"]

INPUT, OUTPUT = "images", "heatmaps"
FORM = 1
"""Counts the forms of the graph: a change that alters its speed raises it, and latencies of other forms are not its own."""
TOLERANCE = 1e-4
"""The largest accepted difference, relative to the largest heatmap value.

Two orders of summation in single precision differ by about 1e-6 over this depth. A real defect (a lost weight, another
padding) shows above 1e-2. A keypoint moves only where two neighbouring cells differ by less than this.
"""
ROUNDING_FACTOR = 20
"""A network that amplifies rounding is held to this many times torch's own distance from double precision instead."""
MAX_ROUNDING = 1e-3
"""On an image where that distance is larger no two runtimes agree, and nothing can be learnt about the export. It happens
where weights are random and activations explode; trained networks stay near 1e-7."""
IMAGES = 8
BATCH_SIZES = (1, 3)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The distance of ONNX Runtime's heatmaps from torch's on the same images, relative to torch's largest absolute value.

    Args:
        max_relative_difference: The largest distance over the compared images.
        rounding: The distance of torch in single precision from torch in double precision, over the same images.
        images: The number of images.
        compared: The number of images on which ``rounding`` is at most `MAX_ROUNDING`.
        batch_sizes: The batch sizes that were run.
    """

    max_relative_difference: float
    rounding: float
    images: int
    compared: int
    batch_sizes: tuple[int, ...]

    @property
    def tolerance(self) -> float:
        """The difference that is accepted."""
        return max(TOLERANCE, ROUNDING_FACTOR * self.rounding)

    @property
    def holds(self) -> bool:
        """Whether the two agree; a difference that is not a number is not within the tolerance."""
        return self.compared > 0 and self.max_relative_difference <= self.tolerance

    def __str__(self) -> str:
        if not self.compared:
            return f"torch differs from itself in double precision by more than {MAX_ROUNDING:g} on all {self.images} images"
        sizes = " and ".join(map(str, self.batch_sizes))
        return (
            f"ONNX Runtime differs from torch by {self.max_relative_difference:.1e} of the largest heatmap value, "
            f"accepted up to {self.tolerance:.1e} ({self.compared} of {self.images} random images, batch sizes {sizes})"
        )


def onnx_bytes(
    arch: Architecture,
    network: nn.Module,
    keypoints: Sequence[str] = (),
    *,
    static: bool = False,
    double: bool = False,
) -> bytes:
    """The network in evaluation mode as an ONNX model: ``images`` (B, 3, H, W) to ``heatmaps`` (B, K, H/4, W/4).

    H and W are those of the architecture. The network itself is left as it is.

    Args:
        arch: The architecture.
        network: The network.
        keypoints: The names of the heatmaps in their order, which the model's properties hold where they are known.
        static: Whether B is 1, no kernel is computed and nothing is decided by ``If``, as converters to other runtimes ask
            for; B is free otherwise.
        double: Whether the model computes in double precision.
    """
    properties = {
        "arch_id": arch.arch_id,
        "color_order": "RGB",
        "normalization_mean": " ".join(map(str, arch.NORMALISATION.mean)),
        "normalization_std": " ".join(map(str, arch.NORMALISATION.std)),
    }
    if keypoints:
        properties["keypoints"] = json.dumps(list(keypoints))
    write = forms_of(arch.FAMILY).write
    if write is None:
        return traced_model(
            network,
            arch.input_size,
            input_name=INPUT,
            output_name=OUTPUT,
            properties=properties,
            static=static,
            double=double,
        )
    graph = Graph(static=static, double=double)
    heatmaps = write(graph, arch, arrays(network), graph.input(INPUT, (3, *arch.input_size)))
    content: bytes = graph.model([heatmaps], [OUTPUT], properties).SerializeToString()
    return content


def agreement(
    network: nn.Module,
    model: bytes,
    input_size: tuple[int, int],
    *,
    count: int = IMAGES,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    seed: int = 0,
) -> Agreement:
    """Run ``count`` random images through torch at once and through ONNX Runtime in batches of each size."""
    images = random_images(count, input_size, seed=seed)
    network = copy.deepcopy(network).cpu().eval()
    session = open_session(model)
    with torch.inference_mode():
        expected = network(images).numpy()
        exact = network.double()(images.double()).numpy()
    stable = [relative_difference(expected[[row]], exact[[row]]) <= MAX_ROUNDING for row in range(count)]
    differences = [0.0]
    for size in batch_sizes if any(stable) else ():
        parts = [session.run([OUTPUT], {INPUT: images[start : start + size].numpy()})[0] for start in range(0, count, size)]
        differences.append(relative_difference(np.concatenate(parts)[stable], expected[stable]))
    return Agreement(
        max_relative_difference=float(np.max(differences)),
        rounding=relative_difference(expected[stable], exact[stable]) if any(stable) else 0.0,
        images=count,
        compared=sum(stable),
        batch_sizes=tuple(batch_sizes),
    )


def relative_difference(actual: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest absolute difference over the largest absolute expected value; NaN where either is not finite."""
    if actual.shape != expected.shape or not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return float("nan")
    largest = float(np.abs(expected).max())
    difference = float(np.abs(actual - expected).max())
    return difference / largest if largest else float(difference > 0)


def random_images(count: int, input_size: tuple[int, int], *, seed: int) -> Tensor:
    """Normalised images (B, 3, H, W) of two kinds in turn: coarse random colours under fine noise, and plain noise.

    The first kind has the smoothness of a photograph, the second the mean 0 and deviation 1 of normalised pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.rand(count, 3, 8, 8, generator=generator), size=input_size, mode="bilinear")
    noise = torch.randn(count, 3, *input_size, generator=generator)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pictures = ((coarse + 0.1 * noise).clamp(0, 1) - mean) / std
    return torch.where(torch.arange(count).view(-1, 1, 1, 1) % 2 == 0, pictures, noise)
