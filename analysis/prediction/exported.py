"""Networks of exports as they are used: from their weights, or from one of their ONNX files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.export.network import ORIENTATION, load_export, read_with, weights_metadata
from analysis.onnx.session import open_session
from search_spaces.common.errors import InvalidInput
from trainers.data.keypoint_sets.fields import from_plain
from trainers.prediction.network import TrainedNetwork, keypoints_of_network


def load_exported(folder: Path, *, model: Path | None = None) -> TrainedNetwork:
    """Return the network of an export with how its heatmaps are read.

    Args:
        folder: The folder of the export.
        model: An ONNX file of it to run in place of the weights.

    Raises:
        InvalidInput: a file is missing or broken, or the model is of another network.
    """
    arch, network = load_export(folder)
    said = weights_metadata(folder)
    data: dict[str, Any] = {ORIENTATION: said[ORIENTATION]} if ORIENTATION in said else {}
    if "keypoints" in said:
        data["keypoints"] = json.loads(said["keypoints"])
    points = from_plain(data["keypoints"], None, f"keypoints of {folder}") if "keypoints" in data else None
    return TrainedNetwork(
        name=str(model or folder),
        arch=arch,
        network=network if model is None else OnnxNetwork(model, (arch.keypoints, *arch.heatmap_size), arch.input_size),
        train=read_with(folder),
        keypoint_set=points or keypoints_of_network(arch.keypoints),
        data=data,
    )


class OnnxNetwork(nn.Module):
    """A network that ONNX Runtime runs on the processor, in as many threads as torch has.

    Args:
        model: The file.
        heatmaps: The shape (K, h, w) of the heatmaps that it must give.
        input_size: The height and width of its input.

    Raises:
        InvalidInput: the file is no ONNX model, or of another network.
    """

    def __init__(self, model: Path, heatmaps: tuple[int, ...], input_size: tuple[int, int]) -> None:
        super().__init__()
        self._session = open_session(model, threads=torch.get_num_threads())
        (given, *others), outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = list(given.shape)
        if others or len(shape) != 4 or shape[1:] != [3, *input_size] or list(outputs[0].shape[1:]) != list(heatmaps):
            raise InvalidInput(
                f"ONNX model {model} must be of the export that it lies in, images (…, 3, {input_size[0]}, {input_size[1]})"
                f" to heatmaps (…, {', '.join(map(str, heatmaps))}), got {shape} to {list(outputs[0].shape)}"
            )
        self._input = given.name
        self._batch: Any = shape[0] if isinstance(shape[0], int) else None

    def forward(self, images: Tensor) -> Tensor:
        """Return the heatmaps (B, K, h, w) of images (B, 3, H, W)."""
        whole = images.cpu().numpy()
        parts = [whole] if self._batch is None else np.split(whole, range(self._batch, len(whole), self._batch))
        return torch.from_numpy(np.concatenate([self._run(part) for part in parts])).to(images.device)

    def _run(self, images: Any) -> Any:
        missing = 0 if self._batch is None else self._batch - len(images)
        padded = np.concatenate([images, np.zeros((missing, *images.shape[1:]), np.float32)]) if missing else images
        return self._session.run(None, {self._input: padded})[0][: len(images)]
