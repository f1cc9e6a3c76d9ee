"""The loss of a network.

Shape legend: B samples of one process, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

Batch = Mapping[str, Tensor]
"""``image`` (B, 3, H, W), ``target`` (B, K, h, w) and ``weight`` (B, K)."""


def heatmap_loss(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error of (B, K, h, w) heatmaps, each keypoint weighted by its visibility (B, K)."""
    return (weight[:, :, None, None] * (heatmaps - target)).square().mean()
