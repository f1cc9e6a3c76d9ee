"""The published computation, literally: what the speed of ours is measured against.

Parameters and outputs are those of `build_network`, computed as the published code does. Memory is contiguous, every
aggregated kernel is one group of a convolution per sample and channel, and each fusion evaluates F_i0(y_0) twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.families.dite_hrnet.config import ArchConfig
from trainers.networks.common.layers import ConvBn
from trainers.networks.common.layout import as_it_is
from trainers.networks.dite_hrnet.blocks import MultiBranchBlock, Stem
from trainers.networks.dite_hrnet.context import DenseContextModeling, GlobalContextModeling, attention_mask
from trainers.networks.dite_hrnet.dynamic_conv import DynamicKernelAggregation, DynamicSplitConv
from trainers.networks.dite_hrnet.fusion import Fusion, IterativeHead, Transition, Upward
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.registry import build_network


class ReleasedAggregation(DynamicKernelAggregation):
    """DKA as one convolution with batch · groups groups."""

    def forward(self, x: Tensor) -> Tensor:
        attention = self.attention(x)
        batch, channels, height, width = x.shape
        kernels = (attention @ self.kernels.flatten(1)).view(-1, *self.kernels.shape[2:])
        samples = x.reshape(1, batch * channels, height, width)
        out = F.conv2d(samples, kernels, None, self.stride, self.padding, groups=batch * self.groups)
        return out.view(batch, -1, *out.shape[2:])


class ReleasedConvBn(ConvBn):
    """Convolution, then torch's batch normalisation, then ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.bn(self.conv(x)))
        return out


class ReleasedGlobalContext(GlobalContextModeling):
    """GCM with its mask as a convolution, its context as a product of matrices, and torch's batch normalisation."""

    def forward(self, x: Tensor) -> Tensor:
        mask = attention_mask(self.mask(x))
        context = (x.flatten(2).unsqueeze(1) @ mask.flatten(2).unsqueeze(3)).transpose(1, 2)
        out: Tensor = self.bn(x * self.channel_attention(context))
        return out


class ReleasedDenseContext(DenseContextModeling):
    """DCM with its masks as convolutions."""

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        size = branches[-1].shape[2:]
        pooled = [
            self._pool(branch, attention_mask(mask(branch)), (size[0], size[1]))
            for branch, mask in zip(branches[:-1], self.masks, strict=False)
        ]
        return released_weight_branches(branches, self.channel_attention(torch.cat([*pooled, branches[-1]], dim=1)))


def channel_shuffle(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate, then transpose groups and channels."""
    x = torch.cat(tuple(parts), dim=1)
    batch, channels, height, width = x.shape
    return x.view(batch, len(parts), -1, height, width).transpose(1, 2).reshape(batch, channels, height, width)


class ReleasedSplitConv(DynamicSplitConv):
    """DSC with its shuffle as a transposition."""

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.operations, x.chunk(len(self.operations), dim=1), strict=True)
        return channel_shuffle([operation(part) for operation, part in parts])


class ReleasedBlock(MultiBranchBlock):
    """A block with its shuffles as transpositions."""

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        halves = [branch.chunk(2, dim=1) for branch in branches]
        weighted = self.cross([half[1] for half in halves])
        worked = [context(conv(half)) for conv, context, half in zip(self.convs, self.contexts, weighted, strict=True)]
        return [channel_shuffle((half[0], done)) for half, done in zip(halves, worked, strict=True)]


class ReleasedStem(Stem):
    """The stem with its shuffle as a transposition."""

    def forward(self, image: Tensor) -> Tensor:
        first, second = self.entry(image).chunk(2, dim=1)
        return channel_shuffle((self.first(first), self.second(second)))


def released_weight_branches(branches: Sequence[Tensor], weights: Tensor) -> list[Tensor]:
    """Joint weights, upsampled by torch's own kernel."""
    parts = torch.split(weights, [branch.shape[1] for branch in branches], dim=1)
    return [
        branch * F.interpolate(part, size=branch.shape[2:], mode="nearest")
        for branch, part in zip(branches, parts, strict=True)
    ]


class ReleasedUpward(Upward):
    """1×1 + BN, then torch's own upsampling."""

    def forward(self, x: Tensor, *, order: Callable[[Tensor], Tensor] = as_it_is) -> Tensor:
        return F.interpolate(self.project(x), scale_factor=self.factor, mode="nearest")


class ReleasedTransition(Transition):
    """Transition that leaves the order of memory alone."""

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        kept = [module(branch) for module, branch in zip(self.kept, branches, strict=True)]
        return [*kept, self.new(branches[-1])]


class ReleasedHead(IterativeHead):
    """Head that leaves the order of memory alone."""

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        lowest, *others = reversed(branches)
        x: Tensor = self.projects[0](lowest)
        for project, branch in zip(list(self.projects)[1:], others, strict=True):
            x = project(branch + F.interpolate(x, size=branch.shape[2:], mode="bilinear", align_corners=True))
        return x


class ReleasedFusion(Fusion):
    """Fusion that adds F_i0(y_0) twice, each time computed anew."""

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        top = branches[0] + branches[0]
        for path, branch in zip(list(self.paths[0].children())[1:], branches[1:], strict=True):
            top = top + path(branch)
        outputs = [F.relu(top)]
        fused = outputs[0] if self.source == "after_relu" else top
        for paths in list(self.paths)[1:]:
            first, *others = paths.children()
            total = first(fused) + first(fused)
            for path, branch in zip(others, branches[1:], strict=True):
                total = total + path(branch)
            outputs.append(F.relu(total))
        return outputs


_LITERAL: dict[type[nn.Module], type[nn.Module]] = {
    literal.__base__: literal  # type: ignore[misc]
    for literal in (
        ReleasedAggregation,
        ReleasedConvBn,
        ReleasedGlobalContext,
        ReleasedDenseContext,
        ReleasedSplitConv,
        ReleasedBlock,
        ReleasedStem,
        ReleasedUpward,
        ReleasedTransition,
        ReleasedHead,
        ReleasedFusion,
    )
}


def released_network(arch: ArchConfig) -> PoseNetwork:
    """`build_network`, computed literally; its ``state_dict`` fits the other."""
    network = build_network(arch)
    for module in network.modules():
        # A part computed in another way keeps its parameters: only its class, which holds no state, is exchanged.
        module.__class__ = _LITERAL.get(type(module), type(module))
    return network


def same_outputs(arch: ArchConfig, *, batch: int = 2) -> float:
    """The largest difference between both computations in training mode, relative to the largest value."""
    torch.manual_seed(0)
    network, literal = build_network(arch), released_network(arch)
    for part in network.parameters():
        torch.nn.init.normal_(part, std=0.1) if part.dim() > 1 else None
    literal.load_state_dict(network.state_dict())
    images = torch.randn(batch, 3, *arch.input_size)
    with torch.no_grad():
        ours, theirs = network.train()(images), literal.train()(images)
    return float((ours - theirs).abs().max() / theirs.abs().max())
