"""Shortcuts of residual blocks."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from trainers.networks.baselines.layers import ShortcutConv


def test_a_strided_shortcut_is_the_same_in_training() -> None:
    torch.manual_seed(0)
    shortcut, images = ShortcutConv(4, 8, 2), torch.randn(2, 4, 8, 6, requires_grad=True)
    expected = F.conv2d(images, shortcut.weight, stride=2)
    torch.testing.assert_close(shortcut.train()(images), expected)
    torch.testing.assert_close(shortcut.eval()(images), expected)
    (gradient,) = torch.autograd.grad(shortcut.train()(images).square().sum(), images)
    (wanted,) = torch.autograd.grad(expected.square().sum(), images)
    torch.testing.assert_close(gradient, wanted)
