"""`ArchConfig`: one network of the Lite-HRNet / Dite-HRNet family as frozen, validated data.

The family is published (Li et al., "Dite-HRNet", IJCAI 2022; Yu et al., "Lite-HRNet", CVPR 2021). Its members share one
skeleton: a stem at a quarter of the input resolution, three stages of 2, 3 and 4 parallel branches, multi-scale fusion and
an iterative head. They differ in the stem, in the block, and in the numbers below.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

from search_spaces.common.bounds import Bounds, Choices, Length, check_fields
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import MAX_INPUT_SIDE, Architecture

BRANCHES = 4
STAGES = (2, 3, 4)
"""Stage numbers after the stem; stage s runs s branches."""
STRIDES = (4, 8, 16, 32)

STEMS = ("dgc", "lite")
"""``dgc``: dynamic global context block (Dite-HRNet). ``lite``: the static shuffle block of Lite-HRNet."""
BLOCKS = ("dmc", "lite_acm", "lite_dsc", "lite")
"""``lite``: Lite-HRNet's block. ``lite_acm``: its weightings replaced by DCM and GCM. ``lite_dsc``: its depth-wise
convolution replaced by DSC. ``dmc``: both replaced, the dynamic multi-scale context block (Table 6 of the paper)."""
POOLINGS = ("released", "spatial")
"""How DCM pools a branch: ``spatial`` as Eq. 5 says, ``released`` as the published code computes it."""
FUSIONS = ("after_relu", "before_relu")
"""Which sum of the highest branch multi-scale fusion carries down: Dite-HRNet's after its ReLU, Lite-HRNet's before it."""

MAX_WIDTH = 4096
MAX_COUNT = 64
"""Upper bound of modules, blocks, groups and kernels: far beyond use, it stops a typing error from filling a memory."""


@dataclass(frozen=True, kw_only=True)
class ArchConfig(Architecture):
    """A network of the family; the default is Dite-HRNet-18 for COCO at 256×192.

    Tuples over branches run from the highest resolution (stride 4) to the lowest (stride 32).

    Raises:
        InvalidInput: a field breaks its rule; the message names the field, the rule and the value.
    """

    FAMILY: ClassVar[str] = "dite_hrnet"

    stem: Annotated[str, Choices(STEMS)] = "dgc"
    block: Annotated[str, Choices(BLOCKS)] = "dmc"
    fusion: Annotated[str, Choices(FUSIONS)] = "after_relu"
    context_pooling: Annotated[str, Choices(POOLINGS)] = "released"
    stem_width: Annotated[int, Bounds(8, MAX_WIDTH)] = 32
    """Channels of the stem, a multiple of 8 (halves, and a bottleneck of a quarter of a half)."""
    stem_kernels: Annotated[int, Bounds(1, MAX_COUNT)] = 4
    """Kernels N of every dynamic convolution in the ``dgc`` stem."""
    widths: Annotated[tuple[int, ...], Length(BRANCHES), Bounds(2, MAX_WIDTH)] = (40, 80, 160, 320)
    """Channels of each branch, even: a block works on one half of them."""
    modules: Annotated[tuple[int, ...], Length(len(STAGES)), Bounds(1, MAX_COUNT)] = (2, 4, 2)
    """Modules in stages 2, 3 and 4."""
    blocks_per_module: Annotated[int, Bounds(1, MAX_COUNT)] = 2
    groups: Annotated[tuple[int, ...], Length(BRANCHES), Bounds(1, MAX_COUNT)] = (1, 1, 2, 4)
    """G of DSC on each branch (Eq. 1), a divisor of half the width; kernel sizes run 3, 5, ... 2G+1."""
    kernels: Annotated[tuple[int, ...], Length(BRANCHES), Bounds(1, MAX_COUNT)] = (4, 4, 2, 1)
    """N of DKA inside DSC on each branch (Eq. 2); 1 is a static kernel."""
    attention_reduction: Annotated[int, Bounds(1, MAX_WIDTH)] = 4
    """Bottleneck of kernel attention: C → C / attention_reduction → N."""
    context_reductions: Annotated[tuple[int, ...], Length(BRANCHES), Bounds(1, MAX_WIDTH)] = (4, 4, 8, 8)
    """Bottleneck of GCM (or of spatial weighting in blocks without ACM) on each branch."""
    stem_context_reduction: Annotated[int, Bounds(1, MAX_WIDTH)] = 4
    cross_reduction: Annotated[int, Bounds(1, MAX_WIDTH)] = 8
    """Bottleneck of DCM (or of cross-resolution weighting in blocks without ACM)."""
    input_size: Annotated[tuple[int, int], Bounds(STRIDES[-1], MAX_INPUT_SIDE)] = (256, 192)
    """Height and width of the input in pixels, multiples of 32."""
    keypoints: Annotated[int, Bounds(1, MAX_WIDTH)] = 17

    def __post_init__(self) -> None:
        check_fields(self)
        for side in self.input_size:
            if side % STRIDES[-1]:
                height, width = self.input_size
                raise InvalidInput(
                    f"input_size must be multiples of {STRIDES[-1]} (the stride of the lowest branch), got {height}x{width}"
                )
        if self.stem_width % 8:
            raise InvalidInput(f"stem_width must be a multiple of 8, got {self.stem_width}")
        for branch in range(BRANCHES):
            problem = branch_problem(self.widths[branch], self.groups[branch] if self.uses_dsc else 1, branch)
            if problem:
                raise InvalidInput(problem)

    @property
    def uses_acm(self) -> bool:
        """Whether the blocks weight by DCM and GCM rather than by Lite-HRNet's two weightings."""
        return self.block in ("dmc", "lite_acm")

    @property
    def uses_dsc(self) -> bool:
        """Whether the blocks convolve by DSC rather than by one static depth-wise 3×3 convolution."""
        return self.block in ("dmc", "lite_dsc")

    def branch_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of the feature maps of each branch."""
        return tuple((self.input_size[0] // stride, self.input_size[1] // stride) for stride in STRIDES)

    @cached_property
    def canonical(self) -> ArchConfig:
        """Return the canonical spelling of this network.

        Fields without effect take their defaults, and a reduction becomes the smallest that gives the same bottleneck. DSC
        with G = N = 1 on every branch is a static depth-wise convolution, so such a block becomes the block without DSC.
        """
        static = not self.uses_dsc or set(self.groups) == set(self.kernels) == {1}
        ones = (1,) * BRANCHES
        halves = [width // 2 for width in self.widths]
        attended = [half // g for half, g, n in zip(halves, self.groups, self.kernels, strict=True) if n > 1]
        attended = [] if static else attended
        if self.stem == "dgc" and self.stem_kernels > 1:
            attended += [self.stem_width // 2, self.stem_width // 8]
        dynamic_stem = self.stem == "dgc"
        return dataclasses.replace(
            self,
            block=("lite_acm" if self.uses_acm else "lite") if static else self.block,
            groups=ones if static else self.groups,
            kernels=ones if static else self.kernels,
            context_pooling=self.context_pooling if self.uses_acm else "released",
            stem_kernels=self.stem_kernels if dynamic_stem else 1,
            stem_context_reduction=_tightest(self.stem_context_reduction, [self.stem_width // 2] if dynamic_stem else []),
            attention_reduction=_tightest(self.attention_reduction, attended),
            context_reductions=tuple(_tightest(r, [c]) for r, c in zip(self.context_reductions, halves, strict=True)),
            cross_reduction=_tightest(self.cross_reduction, [sum(halves[:n]) for n in STAGES]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields alone: files of this family are older than the key that names one."""
        return self.fields()


def branch_problem(width: int, groups: int, branch: int) -> str | None:
    """Why a branch (counted from 0) cannot be built, or None: the rules that tie a branch's own fields together."""
    if width % 2:
        return f"width of branch {branch + 1} must be even (a block works on one half), got {width}"
    if (width // 2) % groups:
        return (
            f"groups of branch {branch + 1} must divide half its width: "
            f"G = {groups} does not divide {width // 2} (width {width})"
        )
    return None


def reduced(channels: int, reduction: int) -> int:
    """Channels of a bottleneck: the quotient rounded down, at least 1."""
    return max(1, channels // reduction)


def _tightest(reduction: int, channels: Sequence[int]) -> int:
    """The smallest reduction with the same bottleneck as ``reduction`` for every one of ``channels``."""
    return max((count // (reduced(count, reduction) + 1) + 1 for count in channels), default=1)
