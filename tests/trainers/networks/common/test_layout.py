"""The order of tensors in memory, and of their gradients."""

from __future__ import annotations

import torch

from trainers.networks.common.layout import as_it_is, channels_last, contiguous


def test_values_stay_and_gradients_come_back_in_their_order() -> None:
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    out = channels_last(x)
    assert torch.equal(out, x)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert not out.is_contiguous()
    (grad,) = torch.autograd.grad((out * torch.arange(5.0)).sum(), x)
    assert torch.equal(grad, torch.arange(5.0).expand(2, 3, 4, 5))
    assert grad.is_contiguous()


def test_the_way_back() -> None:
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    out = contiguous(x)
    assert out.is_contiguous()
    (grad,) = torch.autograd.grad(out.square().sum(), x)
    assert grad.is_contiguous(memory_format=torch.channels_last)
    assert as_it_is(x) is x
