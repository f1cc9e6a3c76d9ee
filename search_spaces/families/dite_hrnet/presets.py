"""Named networks of the papers, and reading an architecture by name or from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.common.files import read_mapping
from search_spaces.families.dite_hrnet.config import BRANCHES, ArchConfig, parse_size

PAPER_INPUTS = (("COCO", (256, 192), 17), ("COCO", (384, 288), 17), ("MPII", (256, 256), 16))
"""Data set, input height and width, and number of keypoints of the papers' experiments."""


def dite_hrnet_18() -> ArchConfig:
    """Dite-HRNet-18 (IJCAI 2022)."""
    return ArchConfig()


def dite_hrnet_30() -> ArchConfig:
    """Dite-HRNet-30: more modules in each stage."""
    return dataclasses.replace(dite_hrnet_18(), modules=(3, 8, 3))


def lite_hrnet_18() -> ArchConfig:
    """Lite-HRNet-18 (CVPR 2021), the start of the paper's Table 6."""
    return dataclasses.replace(
        dite_hrnet_18(),
        stem="lite",
        block="lite",
        fusion="before_relu",
        groups=(1,) * BRANCHES,
        kernels=(1,) * BRANCHES,
        context_reductions=(4,) * BRANCHES,
    )


def lite_hrnet_30() -> ArchConfig:
    """Lite-HRNet-30: more modules in each stage."""
    return dataclasses.replace(lite_hrnet_18(), modules=(3, 8, 3))


def lite_hrnet_18_acm() -> ArchConfig:
    """Table 6: Lite-HRNet-18 with its weightings replaced by ACM (DCM and GCM)."""
    reductions = dite_hrnet_18().context_reductions
    return dataclasses.replace(lite_hrnet_18(), block="lite_acm", context_reductions=reductions)


def lite_hrnet_18_dsc() -> ArchConfig:
    """Table 6: Lite-HRNet-18 with its depth-wise convolution replaced by DSC."""
    dite = dite_hrnet_18()
    return dataclasses.replace(lite_hrnet_18(), block="lite_dsc", groups=dite.groups, kernels=dite.kernels)


def lite_hrnet_18_acm_dsc() -> ArchConfig:
    """Table 6: Lite-HRNet-18 with ACM and DSC; Dite-HRNet-18 differs from it by its DGC stem and the fusion's source."""
    dite = dite_hrnet_18()
    return dataclasses.replace(lite_hrnet_18_acm(), block="dmc", groups=dite.groups, kernels=dite.kernels)


PRESETS: dict[str, Callable[[], ArchConfig]] = {
    preset.__name__: preset
    for preset in (
        dite_hrnet_18,
        dite_hrnet_30,
        lite_hrnet_18,
        lite_hrnet_30,
        lite_hrnet_18_acm,
        lite_hrnet_18_dsc,
        lite_hrnet_18_acm_dsc,
    )
}


TABLE_6 = ("lite_hrnet_18", "lite_hrnet_18_acm", "lite_hrnet_18_dsc", "lite_hrnet_18_acm_dsc", "dite_hrnet_18")
"""The networks of the paper's Table 6 in its order: each part of Dite-HRNet added to Lite-HRNet."""


def preset(name: str, *, input_size: tuple[int, int] | None = None, keypoints: int | None = None) -> ArchConfig:
    """A named network; ``input_size`` (height, width) and ``keypoints`` default to COCO's 256×192 and 17."""
    if name not in PRESETS:
        raise unknown_name("network", name, PRESETS)
    return resized(PRESETS[name](), input_size=input_size, keypoints=keypoints)


def paper_variants(name: str) -> list[tuple[str, ArchConfig]]:
    """A named network at every input of the papers, each with the name of its data set."""
    return [(data, preset(name, input_size=size, keypoints=keypoints)) for data, size, keypoints in PAPER_INPUTS]


def resized(
    arch: ArchConfig, *, input_size: tuple[int, int] | str | None = None, keypoints: int | None = None
) -> ArchConfig:
    """The same network at another input size (a pair or ``HEIGHTxWIDTH``) or for another number of keypoints."""
    size = parse_size(input_size) if isinstance(input_size, str) else input_size
    return dataclasses.replace(
        arch, input_size=size or arch.input_size, keypoints=arch.keypoints if keypoints is None else keypoints
    )


def resolve_arch(name_or_file: str) -> ArchConfig:
    """The architecture of a preset's name, or of a YAML or JSON architecture file."""
    if name_or_file in PRESETS:
        return PRESETS[name_or_file]()
    path = Path(name_or_file)
    if path.suffix in (".yaml", ".yml", ".json") or path.exists():
        return load_arch(path)
    raise unknown_name("network", name_or_file, PRESETS)


def load_arch(path: str | Path) -> ArchConfig:
    """Read an architecture file; an error names the file as well as the field."""
    try:
        return ArchConfig.from_dict(read_mapping(path))
    except InvalidInput as error:
        raise error if str(path) in str(error) else InvalidInput(f"{path}: {error}") from None
