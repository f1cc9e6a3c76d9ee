"""Dynamic kernels: kernel attention (Eq. 3), DKA (Eq. 2) and DSC (Eq. 1) of the Dite-HRNet paper.

Shape legend: B batch, C channels, H and W height and width, N kernels to aggregate, G groups, k kernel side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.dite_hrnet.config import reduced
from trainers.networks.common.layers import ConvBn, SplitConcatShuffle, conv2d


class KernelAttention(nn.Module):
    """The weights a_i(x) of N kernels (Eq. 3): (B, C, H, W) to (B, N), each in (0, 1); they need not sum to 1.

    The paper's equation has no batch normalisation; the released network has it, and so has this one.
    """

    def __init__(self, channels: int, kernels: int, *, reduction: int) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        self.reduce = conv2d(channels, hidden, 1)
        self.bn = nn.BatchNorm2d(hidden)
        self.expand = conv2d(hidden, kernels, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.adaptive_avg_pool2d(x, 1)
        return torch.sigmoid(self.expand(F.relu(self.bn(self.reduce(pooled))))).flatten(1)


class DynamicKernelAggregation(nn.Module):
    """DKA (Eq. 2): a convolution with W(x) = Σ a_i(x)·w_i, one kernel for each sample.

    ``linear`` evaluates the equal Σ a_i(x)·(w_i * x) instead, with N times the multiply-accumulates. Its graph leaves the
    batch size free, which an export needs; a grouped convolution with one group per sample and channel fixes it.
    """

    def __init__(
        self, in_channels: int, out_channels: int, size: int, kernels: int, *, stride: int, groups: int, reduction: int
    ) -> None:
        super().__init__()
        self.stride, self.groups, self.padding = stride, groups, size // 2
        self.pointwise = size == stride == groups == 1
        self.linear = False
        self.attention = KernelAttention(in_channels, kernels, reduction=reduction)
        self.kernels = nn.Parameter(torch.empty(kernels, out_channels, in_channels // groups, size, size))
        for kernel in self.kernels.data:
            nn.init.kaiming_uniform_(kernel)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.attention(x)
        if self.linear:
            return self._sum_of_convolutions(x, attention)
        batch, channels, height, width = x.shape
        kernels = attention @ self.kernels.flatten(1)
        if self.pointwise and self.training:
            # A product of matrices for each sample: the backward pass takes less than half of the convolution's time.
            return torch.bmm(kernels.view(batch, -1, channels), x.flatten(2)).view(batch, -1, height, width)
        samples = x.reshape(1, batch * channels, height, width)
        out = F.conv2d(
            samples,
            kernels.view(-1, *self.kernels.shape[2:]),
            None,
            self.stride,
            self.padding,
            groups=batch * self.groups,
        )
        return out.view(batch, -1, *out.shape[2:])

    def _sum_of_convolutions(self, x: Tensor, attention: Tensor) -> Tensor:
        terms = [
            F.conv2d(x, kernel, None, self.stride, self.padding, groups=self.groups) * attention[:, index, None, None, None]
            for index, kernel in enumerate(self.kernels)
        ]
        return torch.stack(terms).sum(dim=0)


def dynamic_conv2d(
    in_channels: int, out_channels: int, size: int, kernels: int, *, reduction: int, stride: int = 1, groups: int = 1
) -> nn.Module:
    """DKA over ``kernels`` kernels; a single kernel is a plain static convolution without attention."""
    if kernels == 1:
        return conv2d(in_channels, out_channels, size, stride=stride, groups=groups)
    return DynamicKernelAggregation(
        in_channels, out_channels, size, kernels, stride=stride, groups=groups, reduction=reduction
    )


class DynamicSplitConv(SplitConcatShuffle):
    """DSC (Eq. 1): G equal channel groups, group i (from 1) through a depth-wise DKA of side 2i+1 and its own BN."""

    def __init__(self, channels: int, groups: int, kernels: int, *, reduction: int) -> None:
        part = channels // groups
        super().__init__(
            [
                ConvBn(
                    dynamic_conv2d(part, part, 2 * index + 1, kernels, groups=part, reduction=reduction),
                    part,
                    relu=False,
                )
                for index in range(1, groups + 1)
            ]
        )
