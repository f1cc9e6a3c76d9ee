"""Activation checkpointing leaves outputs, gradients and statistics as they are without it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from trainers.networks.common.recompute import Recomputable, recomputed


class Part(Recomputable):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.passes = 0

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        self.passes += 1
        return [self.norm(self.conv(branch)).relu() for branch in branches]


def test_a_second_pass_changes_nothing() -> None:
    torch.manual_seed(0)
    plain = Part()
    part = copy.deepcopy(plain)
    inputs = [torch.randn(2, 3, 6, 6, requires_grad=True) for _ in range(2)]
    expected, found = plain(inputs), recomputed(part, inputs)
    for first, second in zip(expected, found, strict=True):
        assert torch.equal(first, second)
    (first,) = torch.autograd.grad(sum(out.square().sum() for out in expected), inputs[:1])
    (second,) = torch.autograd.grad(sum(out.square().sum() for out in found), inputs[:1])
    assert torch.equal(first, second)
    assert (plain.passes, part.passes) == (1, 2)
    for name, buffer in plain.norm.named_buffers():
        assert torch.equal(buffer, dict(part.norm.named_buffers())[name]), name
