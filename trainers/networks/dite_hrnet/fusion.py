"""Between the resolutions: transition into a stage, multi-scale fusion, and the iterative head.

Shape legend: x_j (B, C_j, H_j, W_j) is the input of branch j, and y_i the output of branch i. Each branch has half the
height and width of the one above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from trainers.networks.common.layers import DepthwiseSeparable, pointwise
from trainers.networks.common.layout import as_it_is, channels_last, contiguous
from trainers.networks.common.upsample import upsampled


class Transition(nn.Module):
    """Enter a stage with one branch more: branches of other widths are projected, the new one is made from the lowest."""

    def __init__(self, in_widths: Sequence[int], out_widths: Sequence[int]) -> None:
        super().__init__()
        self.kept = nn.ModuleList(
            nn.Identity() if before == after else DepthwiseSeparable(before, after)
            for before, after in zip(in_widths, out_widths, strict=False)
        )
        self.new = DepthwiseSeparable(in_widths[-1], out_widths[-1], stride=2)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        kept = [
            branch if isinstance(module, nn.Identity) else self._project(module, branch)
            for module, branch in zip(self.kept, branches, strict=True)
        ]
        return [*kept, self._project(self.new, branches[-1])]

    def _project(self, module: nn.Module, branch: Tensor) -> Tensor:
        out: Tensor = contiguous(module(channels_last(branch))) if self.training else module(branch)
        return out


class Upward(nn.Module):
    """F_ij for j > i: 1×1 + BN to the width of branch i, then nearest upsampling by 2^(j-i)."""

    def __init__(self, in_width: int, out_width: int, factor: int) -> None:
        super().__init__()
        self.project = pointwise(in_width, out_width, relu=False)
        self.factor = factor

    def forward(self, x: Tensor, *, order: Callable[[Tensor], Tensor] = as_it_is) -> Tensor:
        """``order`` lays out what is added to branch i: cheaper before it grows."""
        return upsampled(order(self.project(x)), self.factor)


def downward(in_width: int, out_width: int, steps: int) -> nn.Sequential:
    """F_ij for j < i: i-j strided depth-wise separable steps; only the last changes the width, and it has no ReLU."""
    between = [DepthwiseSeparable(in_width, in_width, stride=2) for _ in range(steps - 1)]
    return nn.Sequential(*between, DepthwiseSeparable(in_width, out_width, stride=2, relu=False))


class Fusion(nn.Module):
    """Multi-scale fusion as the published networks compute it.

        y_0 = ReLU(2·x_0 + Σ_{j>0} F_0j(x_j)), and for i > 0
        y_i = ReLU(2·F_i0(y_0) + Σ_{0<j<i} F_ij(x_j) + x_i + Σ_{j>i} F_ij(x_j))

    So branch 0 enters twice, and the lower branches read the already fused y_0. Dite-HRNet reads it as written above
    (``source="after_relu"``); Lite-HRNet reads the sum before its ReLU (``"before_relu"``), as its published weights show.
    F_i0 is evaluated once and doubled.
    """

    def __init__(self, widths: Sequence[int], *, source: str) -> None:
        super().__init__()
        self.source = source
        self.paths = nn.ModuleList(
            nn.ModuleList(_path(widths, source, target) for source in range(len(widths))) for target in range(len(widths))
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        # In training the highest resolution stays contiguous, as blocks want it; what is convolved goes channels-last.
        strided, plain = (channels_last, contiguous) if self.training else (as_it_is, as_it_is)
        first, *others = branches[0], *map(strided, branches[1:])
        top = 2 * first
        for path, branch in zip(_children(self.paths[0])[1:], others, strict=True):
            top = top + path(branch, order=plain)
        outputs = [F.relu(top)]
        fused = strided(outputs[0] if self.source == "after_relu" else top)
        for paths in map(_children, self.paths[1:]):
            total = 2 * paths[0](fused)
            for path, branch in zip(paths[1:], others, strict=True):
                total = total + path(branch)
            outputs.append(plain(F.relu(total)))
        return outputs


def _children(modules: nn.Module) -> list[nn.Module]:
    return list(modules.children())


def _path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source > target:
        return Upward(widths[source], widths[target], 2 ** (source - target))
    if source < target:
        return downward(widths[source], widths[target], target - source)
    return nn.Identity()


class IterativeHead(nn.Module):
    """From the lowest resolution up: project to the next branch's width, upsample bilinearly, add, project.

    A list of (B, C_i, H_i, W_i) to (B, C_0, H_0, W_0).
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        upwards = list(reversed(widths))
        targets = [*upwards[1:], upwards[-1]]
        self.projects = nn.ModuleList(DepthwiseSeparable(a, b) for a, b in zip(upwards, targets, strict=True))

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        if self.training:
            branches = [channels_last(branch) for branch in branches]
        lowest, *others = reversed(branches)
        x: Tensor = self.projects[0](lowest)
        for project, branch in zip(list(self.projects)[1:], others, strict=True):
            x = project(branch + F.interpolate(x, size=branch.shape[2:], mode="bilinear", align_corners=True))
        return x
