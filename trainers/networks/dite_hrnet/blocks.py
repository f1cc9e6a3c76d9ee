"""The blocks: DMC and its Lite-HRNet relatives across the branches, DGC and Lite-HRNet's block in the stem.

Shape legend: B batch, C channels, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from trainers.networks.common.layers import ConvBn, conv2d, depthwise, pointwise, shuffled
from trainers.networks.common.layout import contiguous
from trainers.networks.dite_hrnet.context import GlobalContextModeling
from trainers.networks.dite_hrnet.dynamic_conv import dynamic_conv2d


class MultiBranchBlock(nn.Module):
    """A shuffle block over all branches together, at stride 1: a list of (B, C_i, H_i, W_i) to the same.

    The second half of every branch passes three steps, and is shuffled with the untouched first half. With DCM, DSC and GCM
    it is the DMC block of the paper. With cross-resolution weighting, a depth-wise convolution and spatial weighting it is
    Lite-HRNet's.

    Args:
        cross: The first step, over all branches jointly.
        convs: The second step, branch by branch.
        contexts: The third step, branch by branch.
    """

    def __init__(self, cross: nn.Module, convs: Sequence[nn.Module], contexts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.cross = cross
        self.convs = nn.ModuleList(convs)
        self.contexts = nn.ModuleList(contexts)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        halves = [branch.chunk(2, dim=1) for branch in branches]
        weighted = self.cross([half[1] for half in halves])
        worked = [context(conv(half)) for conv, context, half in zip(self.convs, self.contexts, weighted, strict=True)]
        return [shuffled((half[0], done)) for half, done in zip(halves, worked, strict=True)]


class Stem(nn.Module):
    """The input at a quarter of its resolution: (B, 3, H, W) to (B, C, H/4, W/4).

    A 3×3 stride-2 convolution, then two strided halves, concatenated and shuffled.
    """

    def __init__(self, width: int, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.entry = ConvBn(conv2d(3, width, 3, stride=2), width)
        self.first = first
        self.second = second

    def forward(self, image: Tensor) -> Tensor:
        first, second = contiguous(self.entry(image)).chunk(2, dim=1)
        return shuffled((self.first(first), self.second(second)))


def dgc_stem(width: int, *, kernels: int, attention_reduction: int, context_reduction: int) -> Stem:
    """The dynamic global context (DGC) block of Dite-HRNet, every convolution of its halves a DKA."""
    half = width // 2
    bottleneck = half // 4

    def dynamic(inputs: int, outputs: int, size: int, *, stride: int = 1, relu: bool) -> ConvBn:
        groups = inputs if size > 1 else 1
        conv = dynamic_conv2d(inputs, outputs, size, kernels, stride=stride, groups=groups, reduction=attention_reduction)
        return ConvBn(conv, outputs, relu=relu)

    first = nn.Sequential(
        dynamic(half, half, 3, stride=2, relu=False),
        GlobalContextModeling(half, reduction=context_reduction),
        dynamic(half, half, 1, relu=True),
    )
    second = nn.Sequential(
        dynamic(half, half, 3, relu=False),
        GlobalContextModeling(half, reduction=context_reduction),
        dynamic(half, bottleneck, 1, relu=True),
        dynamic(bottleneck, half, 1, relu=False),
        dynamic(half, half, 3, stride=2, relu=True),
    )
    return Stem(width, first, second)


def lite_stem(width: int) -> Stem:
    """The static stem of Lite-HRNet."""
    half = width // 2
    first = nn.Sequential(depthwise(half, stride=2), pointwise(half, half))
    second = nn.Sequential(pointwise(half, width), depthwise(width, stride=2), pointwise(width, half))
    return Stem(width, first, second)
