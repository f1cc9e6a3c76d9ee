"""The costs of a network's parts in closed form; the conventions stand in `search_spaces.families.cost`.

``params`` counts DCM's unused mask too, as the published figures do.

``flops_published`` follows the counter behind the figures of both papers, whose rules are, for each layer:

- a convolution, dynamic ones with their aggregated kernel: multiply-accumulates, and the additions of a bias;
- batch normalisation: 2·C·H·W; ReLU: C·H·W, once where a module has one ReLU for several branches, for the last;
- pooling to a single position: C·(H+1)·(W+1); nearest upsampling: H·W of its output, whatever the channels.

Sigmoid, softmax, sums, products, other pooling and the aggregation of kernels count nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from search_spaces.families.cost import Cost, PartCost, Tally
from search_spaces.families.dite_hrnet.config import STAGES, ArchConfig, reduced

STEM, TRANSITION, CROSS, CONVOLUTION, CONTEXT, FUSION, HEAD, OUTPUT = (
    "stem",
    "transition",
    "cross",
    "convolution",
    "context",
    "fusion",
    "head",
    "output",
)
"""The work of a part.

A block weights across its branches (``cross``: DCM, or cross-resolution weighting). It convolves each of them
(``convolution``: DSC, or a depth-wise 3×3) and weights each (``context``: GCM, or spatial weighting).
"""
IN_BLOCK = (CROSS, CONVOLUTION, CONTEXT)


def cost_of(arch: ArchConfig) -> Cost:
    """Parameters and MACs of an architecture, without building it."""
    total = _Tally()
    for _, _, _, times, tally in _parts(arch):
        total.add(tally, times)
    return total.cost()


def cost_parts(arch: ArchConfig) -> list[PartCost]:
    """The parts of an architecture from its input to its output; their costs add up to `cost_of`."""
    return [
        PartCost(stage=stage, kind=kind, branch=branch, times=times, cost=tally.cost(times))
        for stage, kind, branch, times, tally in _parts(arch)
        if tally.params
    ]


_Parts = Iterator[tuple[int | None, str, int | None, int, "_Tally"]]
"""Stage, kind, branch, how often, and what one of them costs."""
_Branches = Iterator[tuple[int, "_Tally"]]


def _parts(arch: ArchConfig) -> _Parts:
    sizes = arch.branch_sizes()
    areas = [height * width for height, width in sizes]
    yield None, STEM, None, 1, _stem(arch, sizes[0])
    in_widths: tuple[int, ...] = (arch.stem_width,)
    for stage, modules in zip(STAGES, arch.modules, strict=True):
        widths = arch.widths[:stage]
        for branch, tally in _transition(in_widths, widths, areas):
            yield stage, TRANSITION, branch, 1, tally
        for kind, place, tally in _block(arch, stage):
            yield stage, kind, place, modules * arch.blocks_per_module, tally
        for branch, tally in _fusion(widths, areas):
            yield stage, FUSION, branch, modules, tally
        in_widths = widths
    for branch, tally in _head(arch.widths, areas):
        yield None, HEAD, branch, 1, tally
    output = _Tally()
    output.pointwise(arch.widths[0], arch.keypoints, areas[0], bias=True, norm=False)
    yield None, OUTPUT, None, 1, output


class _Tally(Tally):
    """A running sum that knows the parts of this family, and what its published figures count of them."""

    __slots__ = ()

    def cost(self, times: int = 1) -> Cost:
        """Return the cost of ``times`` of these; published figures have the additions of a bias."""
        cost = super().cost(times)
        return dataclasses.replace(cost, flops_published=cost.flops_published + self.bias_additions * times)

    def conv(self, weights: int, out_channels: int, area: int, *, kernels: int = 1) -> None:
        """Add a convolution without bias and its batch normalisation, as the base does."""
        super().conv(weights, out_channels, area, kernels=kernels)
        self.others += 2 * out_channels * area

    def pointwise(self, inputs: int, outputs: int, area: int, *, bias: bool, norm: bool, relu: bool = False) -> None:
        """Add a 1×1 convolution, with its batch normalisation where ``norm`` and its ReLU where ``relu``."""
        super().pointwise(inputs, outputs, area, bias=bias, norm=norm)
        self.others += (2 * norm + relu) * outputs * area

    def separable(self, inputs: int, outputs: int, area: int, *, relu: bool = True) -> None:
        """Add a depth-wise and a point-wise convolution with their batch normalisations, and the ReLU behind both."""
        super().separable(inputs, outputs, area)
        self.others += 2 * inputs * area + (2 + relu) * outputs * area

    def relu(self, channels: int, area: int) -> None:
        """Add a ReLU, which published figures alone count."""
        self.others += channels * area

    def pool(self, channels: int, size: tuple[int, int]) -> None:
        """Add a pooling of maps of a ``size`` to a single position, which published figures alone count."""
        self.others += channels * (size[0] + 1) * (size[1] + 1)

    def attention(self, channels: int, hidden: int, outputs: int, area: int) -> None:
        """Point-wise to ``hidden`` + BN + ReLU, point-wise with bias to ``outputs``."""
        self.params += channels * hidden + 2 * hidden + hidden * outputs + outputs
        self.macs += (channels + outputs) * hidden * area
        self.bias_additions += outputs * area
        self.others += 3 * hidden * area

    def dynamic(
        self,
        weights: int,
        inputs: int,
        outputs: int,
        area: int,
        *,
        kernels: int,
        reduction: int,
        input_size: tuple[int, int],
    ) -> None:
        """Add DKA and its BN: a convolution with one aggregated kernel, and kernel attention unless there is one kernel."""
        self.conv(weights, outputs, area, kernels=kernels)
        if kernels > 1:
            self.pool(inputs, input_size)
            self.attention(inputs, reduced(inputs, reduction), kernels, 1)

    def global_context(self, channels: int, reduction: int, area: int) -> None:
        """GCM: mask, channel attention, BN."""
        self.pointwise(channels, 1, area, bias=True, norm=False)
        self.attention(channels, reduced(channels, reduction), channels, 1)
        self.params += 2 * channels
        self.others += 2 * channels * area


def _stem(arch: ArchConfig, size: tuple[int, int]) -> _Tally:
    tally = _Tally()
    width, half, bottleneck = arch.stem_width, arch.stem_width // 2, arch.stem_width // 8
    area, size_before = size[0] * size[1], (2 * size[0], 2 * size[1])
    before = 4 * area
    tally.conv(3 * width * 9, width, before)
    tally.relu(width, before)
    if arch.stem == "lite":
        tally.separable(half, half, area)
        tally.pointwise(half, width, before, bias=False, norm=True, relu=True)
        tally.separable(width, half, area)
        return tally
    for weights, inputs, outputs, positions, entry in (
        (9 * half, half, half, area, size_before),
        (half * half, half, half, area, size),
        (9 * half, half, half, before, size_before),
        (half * bottleneck, half, bottleneck, before, size_before),
        (bottleneck * half, bottleneck, half, before, size_before),
        (9 * half, half, half, area, size_before),
    ):
        tally.dynamic(
            weights,
            inputs,
            outputs,
            positions,
            kernels=arch.stem_kernels,
            reduction=arch.attention_reduction,
            input_size=entry,
        )
    for channels, positions in ((half, area), (bottleneck, before), (half, area)):
        tally.relu(channels, positions)
    tally.global_context(half, arch.stem_context_reduction, area)
    tally.global_context(half, arch.stem_context_reduction, before)
    return tally


def _transition(in_widths: tuple[int, ...], widths: tuple[int, ...], areas: list[int]) -> _Branches:
    for branch, after in enumerate(widths):
        tally = _Tally()
        new = branch == len(in_widths)
        before = in_widths[-1] if new else in_widths[branch]
        if new or before != after:
            tally.separable(before, after, areas[branch])
        yield branch, tally


def _block(arch: ArchConfig, branches: int) -> Iterator[tuple[str, int | None, _Tally]]:
    sizes = arch.branch_sizes()[:branches]
    areas = [height * width for height, width in sizes]
    halves = [width // 2 for width in arch.widths[:branches]]
    total, lowest = sum(halves), areas[branches - 1]
    hidden = reduced(total, arch.cross_reduction)
    cross = _Tally()
    if arch.uses_acm:
        cross.attention(total, hidden, total, lowest)
        for channels, area in zip(halves[:-1], areas, strict=False):
            cross.pointwise(channels, 1, area, bias=True, norm=False)
        cross.params += halves[-1] + 1
    else:
        cross.pointwise(total, hidden, lowest, bias=False, norm=True, relu=True)
        cross.pointwise(hidden, total, lowest, bias=False, norm=True)
    yield CROSS, None, cross
    for branch, (channels, size, area) in enumerate(zip(halves, sizes, areas, strict=True)):
        groups, kernels = (arch.groups[branch], arch.kernels[branch]) if arch.uses_dsc else (1, 1)
        part = channels // groups
        convolution, context = _Tally(), _Tally()
        for index in range(1, groups + 1):
            convolution.dynamic(
                part * (2 * index + 1) ** 2,
                part,
                part,
                area,
                kernels=kernels,
                reduction=arch.attention_reduction,
                input_size=size,
            )
        reduction = arch.context_reductions[branch]
        if arch.uses_acm:
            context.global_context(channels, reduction, area)
        else:
            bottleneck = reduced(channels, reduction)
            context.pool(channels, size)
            context.pointwise(channels, bottleneck, 1, bias=True, norm=False, relu=True)
            context.pointwise(bottleneck, channels, 1, bias=True, norm=False)
        yield CONVOLUTION, branch, convolution
        yield CONTEXT, branch, context


def _fusion(widths: tuple[int, ...], areas: list[int]) -> _Branches:
    for target, out_width in enumerate(widths):
        tally = _Tally()
        for source, in_width in enumerate(widths):
            if source > target:
                tally.pointwise(in_width, out_width, areas[source], bias=False, norm=True)
                tally.others += areas[target]
            elif source < target:
                for step in range(source + 1, target):
                    tally.separable(in_width, in_width, areas[step])
                tally.separable(in_width, out_width, areas[target], relu=False)
        if target == len(widths) - 1:
            tally.relu(out_width, areas[target])
        yield target, tally


def _head(widths: tuple[int, ...], areas: list[int]) -> _Branches:
    for branch in range(len(widths) - 1, -1, -1):
        tally = _Tally()
        tally.separable(widths[branch], widths[max(branch - 1, 0)], areas[branch])
        yield branch, tally
