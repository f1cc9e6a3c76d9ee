"""From an `ArchConfig` to the network: the only place where the configuration meets the modules."""

from __future__ import annotations

from torch import nn

from search_spaces.families.dite_hrnet.config import STAGES, ArchConfig
from trainers.networks.common.layers import conv2d, initialise
from trainers.networks.dite_hrnet.blocks import MultiBranchBlock, Stem, dgc_stem, lite_stem
from trainers.networks.dite_hrnet.context import (
    CrossResolutionWeighting,
    DenseContextModeling,
    GlobalContextModeling,
    SpatialWeighting,
)
from trainers.networks.dite_hrnet.dynamic_conv import DynamicSplitConv
from trainers.networks.dite_hrnet.fusion import Fusion, IterativeHead, Transition
from trainers.networks.dite_hrnet.network import FusedModule, PoseNetwork, Stage


def build_network(arch: ArchConfig) -> PoseNetwork:
    """The network of an architecture with the released initialisation, drawn from torch's global generator.

    The canonical spelling is built, so that equal architectures have equal parameter names.
    """
    arch = arch.canonical
    in_widths: tuple[int, ...] = (arch.stem_width,)
    stages = []
    for branches, modules in zip(STAGES, arch.modules, strict=True):
        widths = arch.widths[:branches]
        fused = [
            FusedModule(
                [build_block(arch, branches) for _ in range(arch.blocks_per_module)], Fusion(widths, source=arch.fusion)
            )
            for _ in range(modules)
        ]
        stages.append(Stage(Transition(in_widths, widths), fused))
        in_widths = widths
    final = conv2d(arch.widths[0], arch.keypoints, 1, bias=True)
    network = PoseNetwork(build_stem(arch), stages, IterativeHead(arch.widths), final)
    initialise(network)
    return network


def build_stem(arch: ArchConfig) -> Stem:
    """The stem the architecture names."""
    if arch.stem == "lite":
        return lite_stem(arch.stem_width)
    return dgc_stem(
        arch.stem_width,
        kernels=arch.stem_kernels,
        attention_reduction=arch.attention_reduction,
        context_reduction=arch.stem_context_reduction,
    )


def build_block(arch: ArchConfig, branches: int) -> MultiBranchBlock:
    """One block over the first ``branches`` branches, each working on half of its channels.

    A block without DSC is built as DSC with G = N = 1, which is the static depth-wise convolution.
    """
    halves = [width // 2 for width in arch.widths[:branches]]
    reductions = arch.context_reductions[:branches]
    cross: nn.Module
    contexts: list[nn.Module]
    if arch.uses_acm:
        cross = DenseContextModeling(halves, reduction=arch.cross_reduction, pooling=arch.context_pooling)
        contexts = [GlobalContextModeling(c, reduction=r) for c, r in zip(halves, reductions, strict=True)]
    else:
        cross = CrossResolutionWeighting(halves, reduction=arch.cross_reduction)
        contexts = [SpatialWeighting(c, reduction=r) for c, r in zip(halves, reductions, strict=True)]
    convs = [
        DynamicSplitConv(channels, groups, kernels, reduction=arch.attention_reduction)
        for channels, groups, kernels in zip(halves, arch.groups, arch.kernels, strict=False)
    ]
    return MultiBranchBlock(cross, convs, contexts)
