"""`PoseNetwork`: the skeleton of the whole family, images in and heatmaps out.

Shape legend: B batch, H and W input height and width, K keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from trainers.networks.common.recompute import Recomputable, recomputed
from trainers.networks.dite_hrnet.blocks import MultiBranchBlock, Stem
from trainers.networks.dite_hrnet.fusion import Fusion, IterativeHead, Transition


class FusedModule(nn.Module):
    """A module of a stage: its blocks one after another, then multi-scale fusion."""

    def __init__(self, blocks: Sequence[MultiBranchBlock], fusion: Fusion) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fusion = fusion

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        for block in self.blocks:
            branches = block(branches)
        fused: list[Tensor] = self.fusion(branches)
        return fused


class Stage(Recomputable):
    """A transition into one branch more, then the modules of the stage.

    ``recompute`` trades time for memory in training: modules are computed again when the backward pass comes to them.
    """

    def __init__(self, transition: Transition, modules: Sequence[FusedModule]) -> None:
        super().__init__()
        self.transition = transition
        self.fused_modules = nn.ModuleList(modules)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        out: list[Tensor] = self.transition(branches)
        for module in self.fused_modules:
            out = recomputed(module, out) if self.recompute and self.training else module(out)
        return out


class PoseNetwork(nn.Module):
    """Stem, stages, iterative head and a 1×1 convolution: (B, 3, H, W) to heatmaps (B, K, H/4, W/4).

    H and W are multiples of 32; the network itself accepts any such size.
    """

    def __init__(self, stem: Stem, stages: Sequence[Stage], head: IterativeHead, final: nn.Conv2d) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.head = head
        self.final = final

    def forward(self, images: Tensor) -> Tensor:
        branches = [self.stem(images)]
        for stage in self.stages:
            branches = stage(branches)
        heatmaps: Tensor = self.final(self.head(branches))
        return heatmaps
