"""Losses of one output and of several."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.baselines import small
from trainers.networks.baselines.cpn import HARDEST_KEYPOINTS, CascadedPyramid, blur_deviation, widened
from trainers.networks.loss import heatmap_loss, network_loss

TARGET, WEIGHT = torch.rand(2, 9, 16, 8), torch.ones(2, 9)


def test_one_output_has_the_mean_squared_error() -> None:
    heatmaps = torch.rand_like(TARGET)
    assert network_loss(nn.Identity(), heatmaps, TARGET, WEIGHT) == heatmap_loss(heatmaps, TARGET, WEIGHT)


def test_several_outputs_add_up() -> None:
    outputs = [torch.rand_like(TARGET) for _ in range(3)]
    wanted = sum(float(heatmap_loss(output, TARGET, WEIGHT)) for output in outputs)
    assert float(network_loss(nn.Identity(), outputs, TARGET, WEIGHT)) == pytest.approx(wanted)


def test_half_precision_is_computed_in_single_and_double_stays() -> None:
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.double, torch.double)):
        target = TARGET.double() if dtype is torch.double else TARGET
        assert network_loss(nn.Identity(), [TARGET.to(dtype)], target, WEIGHT.to(target.dtype)).dtype is expected


def gaussian(deviation: float) -> Tensor:
    places = torch.arange(-20, 21, dtype=torch.double)
    line = torch.exp(-(places**2) / (2 * deviation**2))
    return (line[:, None] * line)[None, None]


def test_a_widened_gaussian_is_a_gaussian_of_both_deviations_with_the_same_peak() -> None:
    torch.testing.assert_close(widened(gaussian(2.0), 1.5), gaussian(2.5), atol=4e-3, rtol=0)
    assert not widened(torch.zeros(1, 2, 8, 8), 1.5).any()
    assert widened(gaussian(2.0), 0.0) is not None


@pytest.mark.parametrize(("kernel", "deviation"), [(7, 1.4), (9, 1.7), (11, 2.0), (15, 2.6), (23, 3.8)])
def test_kernels_have_opencvs_deviations(kernel: int, deviation: float) -> None:
    assert blur_deviation(kernel) == pytest.approx(deviation)


def test_the_pyramid_learns_half_from_coarse_outputs_and_from_the_hardest_keypoints_of_the_refined_one() -> None:
    network = CascadedPyramid(small("cpn"))  # type: ignore[arg-type]
    zero, target, weight = torch.zeros(2, 17, 64, 48), torch.zeros(2, 17, 64, 48), torch.ones(2, 17)
    wrong = zero.clone()
    wrong[:, :3] = 1.0
    refined = network_loss(network, [zero, zero, zero, zero, wrong], target, weight)
    assert float(refined) == pytest.approx(3 / HARDEST_KEYPOINTS)
    coarse = network_loss(network, [wrong, zero, zero, zero, zero], target, weight)
    assert float(coarse) == pytest.approx(3 / 17 / 2)
    weight[:, 0] = 0.0
    assert float(network_loss(network, [zero] * 4 + [wrong], target, weight)) == pytest.approx(2 / HARDEST_KEYPOINTS)


def test_a_keypoint_counts_by_the_square_of_its_weight_in_the_mean_over_all_cells() -> None:
    heatmaps, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    target[0, 0, 0, 0], target[0, 1] = 2.0, 1.0
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 1.0]])).item() == (4 + 4) / 8
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 0.0]])).item() == 4 / 8
