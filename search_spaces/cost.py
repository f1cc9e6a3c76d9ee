"""What an architecture costs, in closed form: parameters and multiply-accumulates (MACs) of one forward pass.

Two conventions are told apart by name, since a figure without its convention is worthless:

``macs``
    every convolution our network executes on one image, each multiply-add counted once, bias additions not counted. This
    is what fvcore counts for the convolutions of the built network.
``macs_paper``
    the convention behind the figures of the Dite-HRNet paper: every convolution module once per forward pass, bias
    additions included. Batch normalisation, activations and the aggregation of kernels are in neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.arch import STAGES, ArchConfig, reduced

MEGA = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one architecture; MACs are for one image of its input size.

    ``params`` counts every parameter, those of DCM's unused mask included, as the published figures do.
    """

    params: int
    macs: int
    macs_paper: int

    @property
    def mmacs(self) -> float:
        """``macs`` in millions."""
        return self.macs / MEGA

    @property
    def objectives(self) -> dict[str, float]:
        """The costs that a search may minimise, by the names it gives them; MACs in millions."""
        return {"mmacs": self.mmacs, "mmacs_paper": self.macs_paper / MEGA, "params": float(self.params)}


def cost_of(arch: ArchConfig) -> Cost:
    """Parameters and MACs of an architecture, without building it."""
    tally = _Tally()
    areas = [height * width for height, width in arch.branch_sizes()]
    _stem(tally, arch, areas[0])
    in_widths: tuple[int, ...] = (arch.stem_width,)
    for branches, modules in zip(STAGES, arch.modules, strict=True):
        widths = arch.widths[:branches]
        _transition(tally, in_widths, widths, areas)
        stage = _Tally()
        _block(stage, arch, branches, areas)
        stage.scale(arch.blocks_per_module)
        _fusion(stage, widths, areas)
        stage.scale(modules)
        tally.add(stage)
        in_widths = widths
    _head(tally, arch.widths, areas)
    tally.pointwise(arch.widths[0], arch.keypoints, areas[0], bias=True, norm=False)
    return Cost(params=tally.params, macs=tally.macs, macs_paper=tally.macs + tally.bias_additions)


class _Tally:
    """A running sum. ``area`` is the number of output positions of a convolution."""

    __slots__ = ("bias_additions", "macs", "params")

    def __init__(self) -> None:
        self.params = self.macs = self.bias_additions = 0

    def add(self, other: _Tally) -> None:
        self.params += other.params
        self.macs += other.macs
        self.bias_additions += other.bias_additions

    def scale(self, times: int) -> None:
        self.params *= times
        self.macs *= times
        self.bias_additions *= times

    def conv(self, weights: int, out_channels: int, area: int, *, kernels: int = 1) -> None:
        """A convolution of so many weights in each of ``kernels`` kernels, without bias, and its BN."""
        self.params += weights * kernels + 2 * out_channels
        self.macs += weights * area

    def pointwise(self, inputs: int, outputs: int, area: int, *, bias: bool, norm: bool) -> None:
        self.params += inputs * outputs + (outputs if bias else 0) + (2 * outputs if norm else 0)
        self.macs += inputs * outputs * area
        self.bias_additions += outputs * area if bias else 0

    def separable(self, inputs: int, outputs: int, area: int) -> None:
        """Depth-wise 3×3 + BN, point-wise 1×1 + BN."""
        self.params += 9 * inputs + 2 * inputs + inputs * outputs + 2 * outputs
        self.macs += (9 * inputs + inputs * outputs) * area

    def attention(self, channels: int, hidden: int, outputs: int, area: int) -> None:
        """Point-wise to ``hidden`` + BN, point-wise with bias to ``outputs``."""
        self.params += channels * hidden + 2 * hidden + hidden * outputs + outputs
        self.macs += (channels + outputs) * hidden * area
        self.bias_additions += outputs * area

    def dynamic(self, weights: int, inputs: int, outputs: int, area: int, kernels: int, reduction: int) -> None:
        """DKA and its BN: the convolution with one aggregated kernel, and kernel attention unless there is one kernel."""
        self.conv(weights, outputs, area, kernels=kernels)
        if kernels > 1:
            self.attention(inputs, reduced(inputs, reduction), kernels, 1)

    def global_context(self, channels: int, reduction: int, area: int) -> None:
        """GCM: mask, channel attention, BN."""
        self.pointwise(channels, 1, area, bias=True, norm=False)
        self.attention(channels, reduced(channels, reduction), channels, 1)
        self.params += 2 * channels


def _stem(tally: _Tally, arch: ArchConfig, area: int) -> None:
    width, half, bottleneck = arch.stem_width, arch.stem_width // 2, arch.stem_width // 8
    before = 4 * area
    tally.conv(3 * width * 9, width, before)
    if arch.stem == "lite":
        tally.separable(half, half, area)
        tally.pointwise(half, width, before, bias=False, norm=True)
        tally.separable(width, half, area)
        return
    for weights, inputs, outputs, positions in (
        (9 * half, half, half, area),
        (half * half, half, half, area),
        (9 * half, half, half, before),
        (half * bottleneck, half, bottleneck, before),
        (bottleneck * half, bottleneck, half, before),
        (9 * half, half, half, area),
    ):
        tally.dynamic(weights, inputs, outputs, positions, arch.stem_kernels, arch.attention_reduction)
    tally.global_context(half, arch.stem_context_reduction, area)
    tally.global_context(half, arch.stem_context_reduction, before)


def _transition(tally: _Tally, in_widths: tuple[int, ...], widths: tuple[int, ...], areas: list[int]) -> None:
    for before, after, area in zip(in_widths, widths, areas, strict=False):
        if before != after:
            tally.separable(before, after, area)
    tally.separable(in_widths[-1], widths[-1], areas[len(widths) - 1])


def _block(tally: _Tally, arch: ArchConfig, branches: int, areas: list[int]) -> None:
    halves = [width // 2 for width in arch.widths[:branches]]
    total, lowest = sum(halves), areas[branches - 1]
    hidden = reduced(total, arch.cross_reduction)
    if arch.uses_acm:
        tally.attention(total, hidden, total, lowest)
        tally.params += halves[-1] + 1
    else:
        tally.pointwise(total, hidden, lowest, bias=False, norm=True)
        tally.pointwise(hidden, total, lowest, bias=False, norm=True)
    for branch, (channels, area) in enumerate(zip(halves, areas, strict=False)):
        groups, kernels = (arch.groups[branch], arch.kernels[branch]) if arch.uses_dsc else (1, 1)
        part = channels // groups
        for index in range(1, groups + 1):
            tally.dynamic(part * (2 * index + 1) ** 2, part, part, area, kernels, arch.attention_reduction)
        reduction = arch.context_reductions[branch]
        if not arch.uses_acm:
            bottleneck = reduced(channels, reduction)
            tally.pointwise(channels, bottleneck, 1, bias=True, norm=False)
            tally.pointwise(bottleneck, channels, 1, bias=True, norm=False)
            continue
        tally.global_context(channels, reduction, area)
        if branch < branches - 1:
            tally.pointwise(channels, 1, area, bias=True, norm=False)


def _fusion(tally: _Tally, widths: tuple[int, ...], areas: list[int]) -> None:
    for target, out_width in enumerate(widths):
        for source, in_width in enumerate(widths):
            if source > target:
                tally.pointwise(in_width, out_width, areas[source], bias=False, norm=True)
            elif source < target:
                for step in range(source + 1, target):
                    tally.separable(in_width, in_width, areas[step])
                tally.separable(in_width, out_width, areas[target])


def _head(tally: _Tally, widths: tuple[int, ...], areas: list[int]) -> None:
    for branch in range(len(widths) - 1, -1, -1):
        tally.separable(widths[branch], widths[max(branch - 1, 0)], areas[branch])
