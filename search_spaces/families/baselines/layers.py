"""Costs of the layers and blocks that several baselines share, in closed form.

An ``area`` is a number of positions of a feature map, and a ``size`` the height and width of the network's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from search_spaces.common.bounds import Bounds, Length, check_fields
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import MAX_INPUT_SIDE, checked_size
from search_spaces.families.cost import PartCost, Tally

MAX_WIDTH = 4096
MAX_COUNT = 64
"""Upper bounds of channels, and of blocks, units, modules and stacks: they stop a typing error from filling a memory."""
Width = Annotated[int, Bounds(1, MAX_WIDTH)]
BaseWidth = Annotated[int, Bounds(1, MAX_WIDTH // 8)]
Count = Annotated[int, Bounds(1, MAX_COUNT)]
WidthFactor = Annotated[float, Bounds(0.1, 4)]
HeadChannels = Annotated[tuple[int, ...], Length(3), Bounds(1, MAX_WIDTH)]
ResNetBlocks = Annotated[tuple[int, ...], Length(4), Bounds(1, MAX_COUNT)]
InputSize = Annotated[tuple[int, int], Bounds(32, MAX_INPUT_SIDE)]
"""Fields that several baselines have, with their limits."""
HEAD_CHANNELS = (256, 256, 256)
"""Channels of each transposed convolution of the usual head (arXiv:1804.06208)."""
RESNET_50 = (3, 4, 6, 3)
"""Bottlenecks in each layer of ResNet-50 (arXiv:1512.03385)."""
BOTTLENECK_EXPANSION = 4
WIDTH_STEP = 0.05
"""Width factors are multiples of this step: finer ones would give several names to one network."""

STEM, LAYER, HEAD, OUTPUT = "stem", "layer", "head", "output"
"""Kinds of parts that most baselines have."""
LABELS = {STEM: "stem", LAYER: "layer", HEAD: "head", OUTPUT: "heatmaps"}


class LayerTally(Tally):
    """A running sum over the layers of baselines."""

    __slots__ = ()

    def convolution(
        self, inputs: int, outputs: int, kernel: int, area: int, *, groups: int = 1, bias: bool = False, norm: bool = True
    ) -> None:
        """Add a convolution.

        Args:
            inputs: Channels of the input.
            outputs: Channels of the output.
            kernel: Side of the kernel.
            area: Positions of the output.
            groups: Groups of channels.
            bias: Whether it has a bias.
            norm: Whether batch normalisation of the outputs follows.
        """
        weights = kernel**2 * (inputs // groups) * outputs
        self.params += weights + (outputs if bias else 0) + (2 * outputs if norm else 0)
        self.macs += weights * area
        self.bias_additions += outputs * area if bias else 0

    def transposed(self, inputs: int, outputs: int, area: int) -> None:
        """Add a transposed 4×4 convolution of stride 2 and its batch normalisation; ``area`` is that of its input."""
        weights = 16 * inputs * outputs
        self.params += weights + 2 * outputs
        self.macs += weights * area

    def basic_block(self, inputs: int, outputs: int, area: int, *, stride: int = 1) -> None:
        """Add two 3×3 convolutions and the shortcut's projection where the shape changes."""
        self.convolution(inputs, outputs, 3, area)
        self.convolution(outputs, outputs, 3, area)
        if stride > 1 or inputs != outputs:
            self.convolution(inputs, outputs, 1, area)

    def bottleneck(
        self,
        inputs: int,
        channels: int,
        area: int,
        *,
        stride: int = 1,
        expansion: int = BOTTLENECK_EXPANSION,
        projected: bool = False,
    ) -> None:
        """Add a bottleneck of 1×1, 3×3 and 1×1 convolutions.

        Args:
            inputs: Channels of the input.
            channels: Channels of the 3×3 convolution.
            area: Positions of the output.
            stride: Stride of the 3×3 convolution.
            expansion: Output channels as a multiple of ``channels``.
            projected: Whether the shortcut is a convolution even where the identity would fit.
        """
        outputs = expansion * channels
        self.convolution(inputs, channels, 1, area * stride**2)
        self.convolution(channels, channels, 3, area)
        self.convolution(channels, outputs, 1, area)
        if stride > 1 or inputs != outputs or projected:
            self.convolution(inputs, outputs, 1, area)


def area_at(size: tuple[int, int], stride: int) -> int:
    """Return the positions of a feature map of a stride."""
    return (size[0] // stride) * (size[1] // stride)


def resnet_widths(base_width: int) -> tuple[int, ...]:
    """Return the output channels of the four layers of a ResNet."""
    return tuple(BOTTLENECK_EXPANSION * base_width * 2**level for level in range(4))


def resnet_parts(blocks: Sequence[int], base_width: int, size: tuple[int, int]) -> list[PartCost]:
    """Return the parts of a ResNet of bottlenecks: its stem, and its layers as stages 1 to 4."""
    stem = LayerTally()
    stem.convolution(3, base_width, 7, area_at(size, 2))
    parts, inputs = [stem.part(STEM)], base_width
    for level, (count, outputs) in enumerate(zip(blocks, resnet_widths(base_width), strict=True)):
        layer = LayerTally()
        for index in range(count):
            stride = 2 if level and index == 0 else 1
            layer.bottleneck(inputs, base_width * 2**level, area_at(size, 4 * 2**level), stride=stride)
            inputs = outputs
        parts.append(layer.part(LAYER, stage=level + 1))
    return parts


def deconv_head_parts(
    inputs: int, channels: Sequence[int], keypoints: int, size: tuple[int, int], *, output_positions: bool = False
) -> list[PartCost]:
    """Return the parts of a head of transposed convolutions from stride 32, and of its heatmaps.

    ``output_positions``: whether published figures count a transposed convolution at the positions of its output, which
    are four times those of its input.
    """
    head, output, stride = LayerTally(), LayerTally(), 32
    for outputs in channels:
        before = head.macs
        head.transposed(inputs, outputs, area_at(size, stride))
        head.others += 3 * (head.macs - before) if output_positions else 0
        inputs, stride = outputs, stride // 2
    output.convolution(inputs, keypoints, 1, area_at(size, stride), bias=True, norm=False)
    return [head.part(HEAD), output.part(OUTPUT)]


def scaled(channels: int, factor: float) -> int:
    """Return channels times a width factor, rounded to a multiple of 8 and never below nine tenths of the product."""
    wanted = channels * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def check_arch(arch: Any, *, multiple: int) -> None:
    """Check the fields of an architecture against the limits beside them, and the input for multiples of a number.

    Raises:
        InvalidInput: a field breaks its rule.
    """
    check_fields(arch)
    checked_size(arch.input_size, multiple=multiple)


def check_even(name: str, value: int) -> None:
    """Refuse an odd number of channels, with `InvalidInput`."""
    if value % 2:
        raise InvalidInput(f"{name} must be even, got {value}")


def check_width_factor(arch: Any) -> None:
    """Refuse a width factor that is no multiple of `WIDTH_STEP` from 0.1 to 4, with `InvalidInput`."""
    value = arch.width_factor
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.1 <= value <= 4 or abs(value / WIDTH_STEP - round(value / WIDTH_STEP)) > 1e-9:
        raise InvalidInput(f"width_factor must be a multiple of {WIDTH_STEP} from 0.1 to 4, got {value!r}")
    object.__setattr__(arch, "width_factor", round(round(value / WIDTH_STEP) * WIDTH_STEP, 2))
