"""Nearest-neighbour upsampling: torch's own, to the bit forwards and to rounding backwards."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from trainers.networks.common.upsample import upsampled


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("order", ["contiguous", "channels last", "a slice of channels"])
def test_it_is_nearest_interpolation(factor: int, order: str) -> None:
    torch.manual_seed(factor)
    x = torch.randn(3, 8, 5, 2, dtype=torch.double)
    if order == "channels last":
        x = x.contiguous(memory_format=torch.channels_last)
    x = x[:, 2:5] if order == "a slice of channels" else x
    grad = torch.randn(3, x.shape[1], 5 * factor, 2 * factor, dtype=torch.double)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = upsampled(ours, factor), F.interpolate(theirs, scale_factor=factor, mode="nearest")
    assert torch.equal(found, expected)
    found.backward(grad)
    expected.backward(grad)
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-12)
