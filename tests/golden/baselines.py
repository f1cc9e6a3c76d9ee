"""The rule by which parameters and inputs of recorded baseline networks are made, and the networks by name."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_spaces.registry import preset
from trainers.networks.registry import build_network

NETWORKS = (
    "simple_baseline_resnet50",
    "hrnet_w32",
    "hrnet_w48",
    "small_hrnet_w18",
    "mobilenet_v2",
    "mobilenet_v3",
    "mobilenet_v3_160",
    "shufflenet_v2",
    "stacked_hourglass_8",
    "hourglass_52",
    "cpn_resnet50",
)
"""Networks of the record, which have the same names here."""


def built(name: str, keypoints: int, size: tuple[int, int]) -> nn.Module:
    """Return a network of the record."""
    return build_network(preset(name, input_size=size, keypoints=keypoints))


def uniform(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Numbers in [0, 1) that depend on a name alone."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).random(shape)


def value_of(key: str, shape: tuple[int, ...], gain: float) -> Tensor:
    """The value of one entry of a state dict."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    numbers = uniform(key, shape)
    if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
        return torch.from_numpy((0.5 + numbers).astype(np.float32))
    if key.endswith(("running_mean", "bias")):
        return torch.from_numpy((0.2 * (2 * numbers - 1)).astype(np.float32))
    transposed = "deconv_layers" in key
    fan_in = shape[0] * 4 if transposed else int(np.prod(shape[1:]))
    values = (2 * numbers - 1) * np.sqrt(3 * gain / fan_in)
    if shape[1] > 1:
        others = (0, 2, 3) if transposed else (1, 2, 3)
        values = values - values.mean(axis=others, keepdims=True)
    return torch.from_numpy(values.astype(np.float32))


def golden_input(height: int, width: int) -> Tensor:
    """The input of a recorded case: (1, 3, H, W)."""
    size = f"{height}x{width}"
    coarse = uniform(f"input_coarse_{size}", (1, 3, height // 16, width // 16))
    fine = uniform(f"input_fine_{size}", (1, 3, height, width))
    blown_up = coarse.repeat(16, axis=2).repeat(16, axis=3)
    return torch.from_numpy(((4 * blown_up - 2) + (2 * fine - 1)).astype(np.float32))


def golden_state(network: nn.Module, gain: float) -> dict[str, Any]:
    """The state dict of a recorded case."""
    return {key: value_of(key, tuple(value.shape), gain) for key, value in network.state_dict().items()}
