"""The single-file example of an export: the template, and the settings of one network."""

from __future__ import annotations

import ast
import pprint
from typing import Any

from analysis.templates import template_text
from search_spaces.families.architecture import Architecture
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.codecs import DarkCodec, make_codec
from trainers.data.formats.data_format import FORMATS
from trainers.data.geometry.transforms import BOX_PADDING
from trainers.data.images.orientation import APPLY

TEMPLATE = "infer.py"
"""The example without the parts that it imports."""
PARTS = ("infer_arithmetic.py", "infer_orientation.py", "infer_runtimes.py")
"""The parts, each once in an export."""
IMPORTS = (
    "from analysis.templates.infer_arithmetic import crop_matrix, decode, normalised, warp\n"
    "from analysis.templates.infer_orientation import displayed, is_tiff, orientation\n"
    "from analysis.templates.infer_runtimes import MODELS, OPENERS, PACKAGES\n\n"
)
"""Stands once in the template, and is left out: the example imports nothing of this program."""
PLACE = "# In an export, {} stands here.\n"
"""Stands once in the template for each part, and gives way to it."""
SETTINGS_LINE = "SETTINGS: dict[str, Any] = {}\n"
"""Stands once in the template, and gives way to the settings."""
_WIDTH = 110


def example_text(settings: dict[str, Any]) -> str:
    """Return the example's source with the settings of a network in it."""
    written = pprint.pformat(settings, width=_WIDTH, compact=True, sort_dicts=False)
    source = template_text("analysis", TEMPLATE)
    for line, text in (
        (IMPORTS, ""),
        *((PLACE.format(part), _without_imports(template_text("analysis", part))) for part in PARTS),
        (SETTINGS_LINE, f"SETTINGS: dict[str, Any] = {written}\n"),
    ):
        assert source.count(line) == 1
        source = source.replace(line, text)
    return source


def _without_imports(source: str) -> str:
    """Return what follows the docstring and the imports of a module."""
    last = max(node.end_lineno or 0 for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom))
    return "".join(source.splitlines(keepends=True)[last:]).lstrip("\n")


def example_settings(
    arch: Architecture,
    *,
    codec: str,
    sigma: float | None,
    data_format: str | None,
    on_orientation: str = APPLY,
    keypoint_set: KeypointSet | None = None,
) -> dict[str, Any]:
    """Return all that the example must know of a network, as plain values.

    Args:
        arch: The network.
        codec: The name of its heatmap codec.
        sigma: The deviation of its targets; None for that of the paper.
        data_format: The name of its keypoints' format; without one they follow from their number.
        keypoint_set: The keypoints, where they are known by more than the format.
        on_orientation: The rule of `trainers.data.images.orientation` by which the photographs of its training were read.
    """
    coding = make_codec(codec, input_size=arch.input_size, heatmap_size=arch.heatmap_size, sigma=sigma)
    points = keypoint_set or keypoint_set_of(arch, data_format)
    return {
        "arch_id": arch.arch_id,
        "input_size": list(arch.input_size),
        "padding": BOX_PADDING,
        "mean": list(arch.NORMALISATION.mean),
        "std": list(arch.NORMALISATION.std),
        "codec": codec,
        "sigma": coding.sigma,
        "stride": list(coding.stride),
        "reach": coding.reach if isinstance(coding, DarkCodec) else 0,
        "unbiased": codec == "udp",
        "flip_shift": coding.flip_shift,
        "on_orientation": on_orientation,
        "keypoints": list(points.names) if points else [f"keypoint_{index}" for index in range(arch.keypoints)],
        "flip_pairs": [list(pair) for pair in points.flip_pairs] if points else [],
        "limbs": [list(pair) for pair in points.limbs] if points else [],
        "mirrors": points.mirrors if points else False,
        "colours": list(points.colours) if points else [],
    }


def keypoint_set_of(arch: Architecture, data_format: str | None) -> KeypointSet | None:
    """The keypoints of a network: those of a format, or of the one format with as many; None where there is none."""
    candidates = [FORMATS[data_format]] if data_format in FORMATS else list(FORMATS.values())
    fitting = [known.keypoint_set for known in candidates if known.keypoint_set.count == arch.keypoints]
    return fitting[0] if fitting else None
