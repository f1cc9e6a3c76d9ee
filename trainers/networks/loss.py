"""The loss of a network.

Shape legend: B samples of one process, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""``image`` (B, 3, H, W), ``target`` (B, K, h, w) and ``weight`` (B, K)."""
Outputs = Tensor | Sequence[Tensor]
"""Heatmaps (B, K, h, w) of a network in training: one tensor, or one for each output that has a loss."""


@runtime_checkable
class OwnLoss(Protocol):
    """A network whose outputs have a loss of their own."""

    def training_loss(self, outputs: Sequence[Tensor], target: Tensor, weight: Tensor) -> Tensor:
        """Return the loss of outputs, a mean over the samples so that the parts of a batch add up."""
        ...


def heatmap_loss(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error of (B, K, h, w) heatmaps, each keypoint weighted by its visibility (B, K)."""
    return (weight[:, :, None, None] * (heatmaps - target)).square().mean()


def network_loss(network: nn.Module, outputs: Outputs, target: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of a network's outputs: its own, or the sum of `heatmap_loss` over them.

    The sum is the intermediate supervision of hourglasses (arXiv:1603.06937). Half precision is computed in float32.
    """
    several = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    exact = [output.float() if output.element_size() < 4 else output for output in several]
    if isinstance(network, OwnLoss):
        return network.training_loss(exact, target, weight)
    first, *others = (heatmap_loss(output, target, weight) for output in exact)
    return sum(others, first)
