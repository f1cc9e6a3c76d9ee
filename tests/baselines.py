"""Members of the families of baselines: small ones by family, and any by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from torch import Tensor, nn

from search_spaces.families.architecture import Architecture
from search_spaces.registry import FAMILIES

SMALL: dict[str, dict[str, Any]] = {
    "simple_baseline": {"base_width": 8, "blocks": (1, 1, 1, 1), "head_channels": (16, 16, 16)},
    "hrnet": {"base_width": 4, "stem_blocks": 1, "bottleneck_width": 8, "blocks": 1, "modules": (1, 1, 1)},
    "mobilenet_v2": {"width_factor": 0.1, "blocks": (1,) * 7, "last_channels": 16, "head_channels": (16,) * 3},
    "mobilenet_v3": {
        "width_factor": 0.1,
        "blocks": (1, 1, 1, 1, 1, 2),
        "last_channels": 16,
        "head_channels": (16,) * 3,
    },
    "shufflenet_v2": {
        "stage_widths": (8, 16, 24),
        "stage_units": (1, 2, 1),
        "last_channels": 16,
        "head_channels": (16,) * 3,
    },
    "hourglass": {"widths": (8,) * 6, "blocks": (1,) * 6, "input_size": (128, 128)},
    "stacked_hourglass": {"stacks": 2, "base_width": 16, "input_size": (64, 64)},
    "cpn": {"base_width": 4, "blocks": (1, 1, 1, 1), "pyramid_channels": 8},
}
"""Fields of a member that trains in tenths of a second, by family."""


def small(family: str, **fields: Any) -> Architecture:
    """Return a small member of a family at 64×32, or the least that it can have."""
    architecture: type[Architecture] = FAMILIES[family].architecture
    return architecture(**{"input_size": (64, 32), **SMALL[family], **fields})


@st.composite
def members(draw: st.DrawFn, family: str) -> Architecture:
    """Draw any member of a family, small enough to build at once."""

    def several(length: int, low: int, high: int, step: int = 1) -> tuple[int, ...]:
        number = st.integers(low, high).map(lambda value: value * step)
        return tuple(draw(st.lists(number, min_size=length, max_size=length)))

    count, width = st.integers(1, 3), st.integers(1, 20)
    fields: dict[str, Any] = {"keypoints": draw(st.integers(1, 30))}
    multiple = {"hourglass": 128, "stacked_hourglass": 64}.get(family, 32)
    fields["input_size"] = tuple(multiple * draw(st.integers(1, 3)) for _ in range(2))
    if family in ("simple_baseline", "cpn"):
        fields |= {"base_width": draw(width), "blocks": several(4, 1, 3)}
    if family in ("mobilenet_v2", "mobilenet_v3"):
        fields["width_factor"] = draw(st.integers(2, 30)) * 0.05
        fields["last_channels"] = draw(st.integers(0 if family == "mobilenet_v3" else 1, 40))
    if family in ("simple_baseline", "mobilenet_v2", "mobilenet_v3", "shufflenet_v2"):
        fields["head_channels"] = several(3, 1, 40)
    own: dict[str, Any] = {
        "hrnet": lambda: {
            "base_width": draw(width),
            "stem_blocks": draw(count),
            "bottleneck_width": draw(width),
            "blocks": draw(count),
            "modules": several(3, 1, 3),
        },
        "mobilenet_v2": lambda: {"blocks": several(7, 1, 3)},
        "mobilenet_v3": lambda: {"blocks": (*several(5, 1, 5), *several(1, 2, 5))},
        "shufflenet_v2": lambda: {
            "stage_widths": several(3, 1, 20, step=2),
            "stage_units": several(3, 1, 3),
            "last_channels": draw(width),
        },
        "hourglass": lambda: {
            "stacks": draw(count),
            "widths": (2 * draw(width), *several(5, 1, 20)),
            "blocks": several(6, 1, 3),
        },
        "stacked_hourglass": lambda: {"stacks": draw(count), "base_width": 4 * draw(width)},
        "cpn": lambda: {"pyramid_channels": 2 * draw(width)},
    }
    fields |= own.get(family, dict)()
    architecture: type[Architecture] = FAMILIES[family].architecture
    return architecture(**fields)


class Counted(nn.Module):
    """A network whose convolutions count their multiply-accumulates and additions of a bias as they run."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.macs, self.bias_additions = network.eval(), 0, 0
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.register_forward_hook(self._count)

    def forward(self, x: Tensor) -> Any:
        return self.network(x)

    def _count(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Count weights times output positions, of a transposed convolution times input positions."""
        assert isinstance(module.weight, Tensor)
        positions = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        self.macs += module.weight.numel() * positions.shape[2] * positions.shape[3]
        self.bias_additions += output[0].numel() if isinstance(module.bias, Tensor) else 0
