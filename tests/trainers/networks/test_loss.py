"""The loss of heatmaps."""

from __future__ import annotations

import torch

from trainers.networks.loss import heatmap_loss


def test_a_keypoint_counts_by_the_square_of_its_weight_in_the_mean_over_all_cells() -> None:
    heatmaps, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    target[0, 0, 0, 0], target[0, 1] = 2.0, 1.0
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 1.0]])).item() == (4 + 4) / 8
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 0.0]])).item() == 4 / 8
    assert heatmap_loss(target, target, torch.ones(1, 2)).item() == 0
