"""The order of tensors in memory: channels-last where strided depth-wise convolutions are trained, contiguous elsewhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def channels_last(x: Tensor) -> Tensor:
    """The same values channels-last, and their gradients back in the order the values came in."""
    out: Tensor = _Reordered.apply(x, torch.channels_last)  # type: ignore[no-untyped-call]
    return out


def contiguous(x: Tensor) -> Tensor:
    """The same values contiguous, and their gradients back in the order the values came in."""
    out: Tensor = _Reordered.apply(x, torch.contiguous_format)  # type: ignore[no-untyped-call]
    return out


def as_it_is(x: Tensor) -> Tensor:
    """The tensor itself."""
    return x


class _Reordered(torch.autograd.Function):
    """A change of order that holds for the gradients too.

    Torch's own lets gradients come as they may. An operation that then mixes both orders, such as the gradient of a ReLU,
    takes twice its time.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: torch.memory_format) -> Tensor:
        ctx.order = torch.contiguous_format if x.is_contiguous() else torch.channels_last
        out = x.contiguous(memory_format=order)
        return out.view_as(out) if out is x else out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.contiguous(memory_format=ctx.order), None
