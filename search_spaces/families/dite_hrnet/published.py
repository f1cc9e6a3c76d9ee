"""Published figures of networks of the family, as printed.

Accuracies are the papers': Li et al., "Dite-HRNet", IJCAI 2022 (doi:10.24963/ijcai.2022/153). Tables 2, 5 and 6 are COCO
val2017 and Table 3 is test-dev2017, with detected boxes. Tables 4 and 6 are MPII's validation with the annotated boxes. The
rows of Lite-HRNet itself are as Lite-HRNet's authors published them (arXiv:2104.06403), after 210 epochs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import PRESETS, TABLE_6
from search_spaces.families.published import COCO_TEST, PublishedFigure

AP, PCKH = "ap_det", "pckh50"
LITE_EPOCHS, COCO_EPOCHS, MPII_EPOCHS = 210, 270, 260

# name, height, width, parameters in millions, GFLOPs, AP in percent
_TABLE_2 = (
    ("Lite-HRNet-18", 256, 192, 1.1, 0.2, 64.8),
    ("Lite-HRNet-18", 384, 288, 1.1, 0.4, 67.6),
    ("Lite-HRNet-30", 256, 192, 1.8, 0.3, 67.2),
    ("Lite-HRNet-30", 384, 288, 1.8, 0.7, 70.4),
    ("Dite-HRNet-18", 256, 192, 1.1, 0.2, 65.9),
    ("Dite-HRNet-18", 384, 288, 1.1, 0.4, 69.0),
    ("Dite-HRNet-30", 256, 192, 1.8, 0.3, 68.3),
    ("Dite-HRNet-30", 384, 288, 1.8, 0.7, 71.5),
)
# name, parameters in millions, GFLOPs, AP in percent at 384x288
_TABLE_3 = (
    ("Lite-HRNet-18", 1.1, 0.4, 66.9),
    ("Lite-HRNet-30", 1.8, 0.7, 69.7),
    ("Dite-HRNet-18", 1.1, 0.4, 68.4),
    ("Dite-HRNet-30", 1.8, 0.7, 70.6),
)
# name, parameters in millions, GFLOPs, PCKh@0.5 in percent at 256x256
_TABLE_4 = (
    ("Lite-HRNet-18", 1.1, 0.2, 86.1),
    ("Lite-HRNet-30", 1.8, 0.4, 87.0),
    ("Dite-HRNet-18", 1.1, 0.2, 87.0),
    ("Dite-HRNet-30", 1.8, 0.4, 87.6),
)
# G and N on the branches of Dite-HRNet-18 at 256x192, parameters in millions, GFLOPs, AP in percent
_TABLE_5 = (
    ((1, 1, 1, 1), (1, 1, 1, 1), 1.0, 0.2, 65.0),
    ((1, 1, 1, 1), (4, 4, 2, 1), 1.1, 0.2, 65.4),
    ((1, 1, 1, 1), (1, 2, 4, 4), 1.2, 0.2, 65.3),
    ((1, 1, 1, 1), (4, 4, 4, 4), 1.2, 0.2, 65.3),
    ((1, 1, 2, 4), (1, 1, 1, 1), 1.1, 0.2, 65.3),
    ((1, 1, 2, 4), (4, 4, 2, 1), 1.1, 0.2, 65.9),
    ((1, 1, 2, 4), (1, 2, 4, 4), 1.2, 0.2, 65.7),
    ((1, 1, 2, 4), (4, 4, 4, 4), 1.2, 0.2, 65.8),
    ((4, 2, 1, 1), (1, 1, 1, 1), 1.1, 0.23, 65.5),
    ((4, 2, 1, 1), (4, 4, 2, 1), 1.2, 0.24, 65.4),
    ((4, 2, 1, 1), (1, 2, 4, 4), 1.2, 0.24, 65.3),
    ((4, 2, 1, 1), (4, 4, 4, 4), 1.3, 0.24, 65.7),
    ((4, 4, 4, 4), (1, 1, 1, 1), 1.1, 0.25, 65.8),
    ((4, 4, 4, 4), (4, 4, 2, 1), 1.3, 0.25, 66.1),
    ((4, 4, 4, 4), (1, 2, 4, 4), 1.4, 0.25, 65.8),
    ((4, 4, 4, 4), (4, 4, 4, 4), 1.5, 0.25, 65.9),
)
# name, parameters in millions, MFLOPs and AP in percent on COCO at 256x192, MFLOPs and PCKh@0.5 in percent on MPII
_TABLE_6 = (
    ("Lite-HRNet-18", 1.1, 205.2, 64.8, 273.4, 86.1),
    ("Lite-HRNet-18 with ACM", 1.0, 210.6, 65.1, 280.6, 86.5),
    ("Lite-HRNet-18 with DSC", 1.2, 211.0, 65.3, 281.1, 86.5),
    ("Lite-HRNet-18 with ACM & DSC", 1.1, 215.5, 65.6, 287.2, 86.7),
    ("Dite-HRNet-18", 1.1, 209.8, 65.9, 279.5, 87.0),
)


def _figure(
    name: str, arch: ArchConfig, table: int, metric: str, percent: float, params: float, flops: float, **others: Any
) -> PublishedFigure:
    lite = name in ("Lite-HRNet-18", "Lite-HRNet-30")
    on_mpii = metric == PCKH
    return PublishedFigure(
        name=name,
        table=table,
        table_name=f"table{table}" + ("_mpii" if on_mpii and table == 6 else ""),
        arch=resized(arch, input_size=(256, 256), keypoints=16) if on_mpii else arch,
        metric=metric,
        score=round(percent / 100, 4),
        printed_params_m=params,
        printed_flops=flops,
        epochs=LITE_EPOCHS if lite else MPII_EPOCHS if on_mpii else COCO_EPOCHS,
        proposed=name.startswith("Dite"),
        **others,
    )


def _preset(name: str) -> ArchConfig:
    return PRESETS[name.lower().replace("-", "_")]()


def _of_table_5(
    groups: tuple[int, ...], kernels: tuple[int, ...], params: float, gflops: float, ap: float
) -> PublishedFigure:
    name = f"Dite-HRNet-18, G {','.join(map(str, groups))}, N {','.join(map(str, kernels))}"
    arch = dataclasses.replace(PRESETS["dite_hrnet_18"](), groups=groups, kernels=kernels)
    return _figure(name, arch, 5, AP, ap, params, gflops)


PUBLISHED = (
    *(
        _figure(name, resized(_preset(name), input_size=(height, width)), 2, AP, ap, params, gflops)
        for name, height, width, params, gflops, ap in _TABLE_2
    ),
    *(
        _figure(name, resized(_preset(name), input_size=(384, 288)), 3, AP, ap, params, gflops, scored_on=COCO_TEST)
        for name, params, gflops, ap in _TABLE_3
    ),
    *(_figure(name, _preset(name), 4, PCKH, pckh, params, gflops) for name, params, gflops, pckh in _TABLE_4),
    *(_of_table_5(*row) for row in _TABLE_5),
    *(
        _figure(name, PRESETS[network](), 6, AP, ap, params, mflops, flops_unit="M")
        for network, (name, params, mflops, ap, _, _) in zip(TABLE_6, _TABLE_6, strict=True)
    ),
    *(
        _figure(name, PRESETS[network](), 6, PCKH, pckh, params, mflops, flops_unit="M")
        for network, (name, params, _, _, mflops, pckh) in zip(TABLE_6, _TABLE_6, strict=True)
    ),
)
"""Every row, table by table."""
