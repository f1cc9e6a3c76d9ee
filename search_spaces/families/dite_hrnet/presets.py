"""Named networks of the papers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from search_spaces.families.dite_hrnet.config import BRANCHES, ArchConfig


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
