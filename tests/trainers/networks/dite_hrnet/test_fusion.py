from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.trainers.networks.dite_hrnet.test_dynamic_conv import drawn, lively
from trainers.networks.dite_hrnet.fusion import Fusion, IterativeHead, Transition

WIDTHS = (4, 6, 8)


def resolutions(widths: tuple[int, ...] = WIDTHS) -> list[Tensor]:
    return [drawn(2, width, 16 >> i, 8 >> i, seed=10 + i) for i, width in enumerate(widths)]


def conv_bn(x: Tensor, conv: nn.Conv2d, bn: nn.BatchNorm2d, *, stride: int = 1, depthwise: bool = False) -> Tensor:
    groups = x.shape[1] if depthwise else 1
    out = F.conv2d(x, conv.weight, stride=stride, padding=conv.weight.shape[2] // 2, groups=groups)
    return F.batch_norm(out, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps)


def separable(x: Tensor, module: nn.Module, *, stride: int = 1, relu: bool) -> Tensor:
    out = conv_bn(x, module.depthwise.conv, module.depthwise.bn, stride=stride, depthwise=True)
    out = conv_bn(out, module.pointwise.conv, module.pointwise.bn)
    return out.clamp(min=0) if relu else out


def up(x: Tensor, module: nn.Module, factor: int) -> Tensor:
    out = conv_bn(x, module.project.conv, module.project.bn)
    return out.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)


@pytest.mark.parametrize("source", ["after_relu", "before_relu"])
@torch.no_grad()
def test_fusion_by_hand(source: str) -> None:
    """y_0 = ReLU(2 x_0 + F_01 + F_02); y_1 = ReLU(2 F_10(y_0) + x_1 + F_12); y_2 = ReLU(2 F_20(y_0) + F_21 + x_2)."""
    fusion = lively(Fusion(WIDTHS, source=source))
    path = fusion.paths
    x0, x1, x2 = resolutions()
    total = 2 * x0 + up(x1, path[0][1], 2) + up(x2, path[0][2], 4)
    y0 = total.clamp(min=0)
    carried = y0 if source == "after_relu" else total
    y1 = (2 * separable(carried, path[1][0][0], stride=2, relu=False) + x1 + up(x2, path[1][2], 2)).clamp(min=0)
    first = separable(carried, path[2][0][0], stride=2, relu=True)
    assert first.shape[1] == WIDTHS[0], "every step but the last keeps the width"
    down = separable(first, path[2][0][1], stride=2, relu=False)
    y2 = (2 * down + separable(x1, path[2][1][0], stride=2, relu=False) + x2).clamp(min=0)
    for out, expected in zip(fusion([x0, x1, x2]), (y0, y1, y2), strict=True):
        torch.testing.assert_close(out, expected)


@torch.no_grad()
def test_the_two_sources_differ() -> None:
    after, before = (lively(Fusion(WIDTHS, source=source)) for source in ("after_relu", "before_relu"))
    first, second = after(resolutions()), before(resolutions())
    assert torch.equal(first[0], second[0])
    assert not torch.allclose(first[1], second[1])


@torch.no_grad()
def test_fusion_leaves_its_inputs_alone() -> None:
    branches = resolutions()
    before = [branch.clone() for branch in branches]
    lively(Fusion(WIDTHS, source="after_relu"))(branches)
    assert all(torch.equal(branch, old) for branch, old in zip(branches, before, strict=True))


@torch.no_grad()
def test_a_transition_projects_where_the_width_changes_and_adds_a_branch() -> None:
    transition = lively(Transition((4, 5), (4, 6, 8)))
    x0, x1 = drawn(1, 4, 8, 4), drawn(1, 5, 4, 2, seed=1)
    out = transition([x0, x1])
    assert torch.equal(out[0], x0)
    torch.testing.assert_close(out[1], separable(x1, transition.kept[1], relu=True))
    torch.testing.assert_close(out[2], separable(x1, transition.new, stride=2, relu=True))
    assert out[2].shape == (1, 8, 2, 1)


@torch.no_grad()
def test_the_iterative_head_by_hand() -> None:
    head = lively(IterativeHead(WIDTHS))
    x0, x1, x2 = resolutions()
    lowest, middle, highest = head.projects
    z = separable(x2, lowest, relu=True)
    z = separable(x1 + F.interpolate(z, size=(8, 4), mode="bilinear", align_corners=True), middle, relu=True)
    z = separable(x0 + F.interpolate(z, size=(16, 8), mode="bilinear", align_corners=True), highest, relu=True)
    out = head([x0, x1, x2])
    assert out.shape == x0.shape
    torch.testing.assert_close(out, z)
