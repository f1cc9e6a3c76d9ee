"""Published checkpoints of baselines: MMPose's of releases 0.x and 1.x, and those that share its names.

A file holds a ``state_dict``, or is one. Names differ as follows; the tensors and their order do not.

- MMPose 1.x has ``backbone.`` and ``head.``, our own names. Release 0.x has ``keypoint_head.`` for ``head.``.
- HRNet's and SimpleBaseline's authors leave both prefixes out: `HEAD` lies in the head, everything else in the backbone.
- Files that were written through ``DataParallel`` have ``module.`` before every name.
- Early files of 1.x hold the statistics of the images, `STATISTICS`, which are no weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from trainers.networks.family import CheckpointLayout
from trainers.networks.load import load_weights

MMPOSE = "MMPose"
STATISTICS = ("data_preprocessor.mean", "data_preprocessor.std")
HEAD = ("deconv_layers.", "final_layer.")
_PREFIXES = ("backbone.", "head.")
_WITHOUT_PREFIX = re.compile(r"(hg\.\d+\.hg|fc_?|score_?|res|global_net|refine_net|resnet)\.")
"""Names of networks that MMPose does not have, and that keep names of their own."""


@dataclass(frozen=True)
class Shapes:
    """Names and shapes of a published file's tensors, in questions that an architecture is inferred by."""

    shapes: Mapping[str, tuple[int, ...]]

    def size(self, name: str, dimension: int = 0) -> int:
        """Return one side of a tensor.

        Raises:
            InvalidInput: there is no tensor of that name, or it has fewer dimensions.
        """
        if name not in self.shapes:
            raise InvalidInput(f"key {name!r} is missing")
        if len(self.shapes[name]) <= dimension:
            raise InvalidInput(f"key {name!r} must have {dimension + 1} dimensions or more, got {self.shapes[name]}")
        return self.shapes[name][dimension]

    def count(self, pattern: str) -> int:
        """Return how many parts are numbered where a pattern has its group: the highest number and one."""
        numbers = [int(match[1]) for match in (re.match(pattern, name) for name in self.shapes) if match]
        return max(numbers, default=-1) + 1


def published_layout(
    *,
    recognises: str,
    infer: Callable[[Shapes], dict[str, Any]],
    architecture: type[Architecture],
    build: Callable[[Any], nn.Module],
    fixed: Mapping[str, Sequence[Any]],
    authors: str = MMPOSE,
) -> CheckpointLayout:
    """Return the layout of published checkpoints of a family.

    Args:
        recognises: Pattern that some name of every file of the family begins with.
        infer: Gives the fields of the architecture, all but the input size.
        architecture: The family's architectures.
        build: Makes their networks.
        fixed: Fields that the authors' code does not let a user choose, with the values that it has.
        authors: The name of their code, for messages.
    """

    def load(state: Mapping[str, Tensor], path: Path, input_size: tuple[int, int] | None) -> tuple[Architecture, nn.Module]:
        if "regress" in path.name:
            raise InvalidInput(f"checkpoint {path} must be of a network of heatmaps alone, and its name says offsets")
        try:
            state = renamed(state)
            shapes = Shapes({name: tuple(value.shape) for name, value in state.items()})
            size = input_size or architecture().input_size
            arch = architecture.from_dict(infer(shapes) | {"input_size": size})
            network = build(arch)
        except InvalidInput as error:
            raise error if str(path) in str(error) else InvalidInput(f"checkpoint {path}: {error}") from None
        load_weights(network, state, f"checkpoint {path}")
        return arch, network.eval()

    def problem(arch: Any) -> str:
        for field, values in fixed.items():
            if getattr(arch, field) not in values:
                known = " or ".join(_words(value) for value in values)
                return (
                    f"{authors} builds networks with {field} {known} only, and this one has {_words(getattr(arch, field))}"
                )
        return ""

    return CheckpointLayout(
        name=authors,
        recognises=lambda names: any(re.match(recognises, name) for name in new_names(names).values()),
        load=load,
        problem=problem,
        state=lambda arch, network: {
            name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()
        },
    )


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under our own names.

    Raises:
        InvalidInput: two names of the file are one of ours.
    """
    names = new_names(list(state))
    found: dict[str, Tensor] = {}
    for old, new in names.items():
        if new in found:
            raise InvalidInput(f"key {old!r} is there a second time, as {new!r}")
        found[new] = state[old]
    return found


def new_names(names: Sequence[str]) -> dict[str, str]:
    """Return our own name for each name of a published file; statistics of images are left out."""
    wrapped = bool(names) and all(name.startswith("module.") for name in names)
    plain = {name: name.removeprefix("module.") if wrapped else name for name in names if name not in STATISTICS}
    plain = {old: re.sub(r"^keypoint_head\.", "head.", name) for old, name in plain.items()}
    if any(name.startswith(_PREFIXES) or _WITHOUT_PREFIX.match(name) for name in plain.values()):
        return plain
    return {old: ("head." if name.startswith(HEAD) else "backbone.") + name for old, name in plain.items()}


def channels_of_head(shapes: Shapes) -> tuple[int, ...]:
    """Return the channels of the transposed convolutions of a head."""
    return tuple(shapes.size(f"head.deconv_layers.{index}.weight", 1) for index in (0, 3, 6))


def keypoints_of_head(shapes: Shapes) -> int:
    """Return the number of keypoints: the outputs of the last convolution."""
    return shapes.size("head.final_layer.weight")


def width_factor_of(found: Sequence[int], widths: Callable[[float], Sequence[int]]) -> float:
    """Return the width factor that gives these channels, the usual one before others.

    Raises:
        InvalidInput: no factor does.
    """
    for steps in (20, *range(2, 81)):
        factor: float = steps * 0.05
        if tuple(widths(factor)) == tuple(found):
            return factor
    raise InvalidInput(f"layers of {', '.join(map(str, found))} channels are those of no width factor")


def _words(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
