"""Published networks of the family, and when they may stand beside a study's own.

Accuracies are the papers': Li et al., "Dite-HRNet", IJCAI 2022 (doi:10.24963/ijcai.2022/153), Tables 2 and 5, COCO
val2017 with detected boxes and flip test. Costs are ours, counted on the same architecture under the convention of the
axis it is drawn on, since the printed ones have one significant digit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.trials import StudyRecord
from search_spaces.arch import ArchConfig, format_size
from search_spaces.cost import Cost, cost_of
from search_spaces.presets import preset

DATASET = "coco_val2017"
METRIC = "ap_det"
PAPER = "Dite-HRNet paper"


@dataclass(frozen=True, kw_only=True)
class PublishedNetwork:
    """One row of a published table. ``ap`` is a fraction; the printed figures are as printed, rounding included."""

    name: str
    table: int
    arch: ArchConfig
    ap: float
    printed_params_m: float
    printed_gflops: float
    epochs: int
    dataset: str = DATASET
    boxes: str = "det"

    @property
    def label(self) -> str:
        """The name and where it is printed."""
        return f"{self.name} ({PAPER}, Table {self.table})"

    @cached_property
    def cost(self) -> Cost:
        """Our count for the same architecture and input size."""
        return cost_of(self.arch)

    @property
    def values(self) -> dict[str, float]:
        """Quantities by the names of objectives, as in a trial record; no latency was published."""
        return {
            METRIC: self.ap,
            "mmacs": self.cost.mmacs,
            "mmacs_paper": self.cost.macs_paper / 1e6,
            "params": float(self.cost.params),
        }


# name, height, width, parameters in millions, GFLOPs, AP in percent, epochs of training
_TABLE_2 = (
    ("Lite-HRNet-18", 256, 192, 1.1, 0.2, 64.8, 210),
    ("Lite-HRNet-18", 384, 288, 1.1, 0.4, 67.6, 210),
    ("Lite-HRNet-30", 256, 192, 1.8, 0.3, 67.2, 210),
    ("Lite-HRNet-30", 384, 288, 1.8, 0.7, 70.4, 210),
    ("Dite-HRNet-18", 256, 192, 1.1, 0.2, 65.9, 270),
    ("Dite-HRNet-18", 384, 288, 1.1, 0.4, 69.0, 270),
    ("Dite-HRNet-30", 256, 192, 1.8, 0.3, 68.3, 270),
    ("Dite-HRNet-30", 384, 288, 1.8, 0.7, 71.5, 270),
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


def _percent(ap: float) -> float:
    return round(ap / 100, 4)


TABLE_2 = tuple(
    PublishedNetwork(
        name=name,
        table=2,
        arch=preset(name.lower().replace("-", "_"), input_size=(height, width)),
        ap=_percent(ap),
        printed_params_m=params,
        printed_gflops=gflops,
        epochs=epochs,
    )
    for name, height, width, params, gflops, ap, epochs in _TABLE_2
)
TABLE_5 = tuple(
    PublishedNetwork(
        name=f"Dite-HRNet-18, G {','.join(map(str, groups))}, N {','.join(map(str, kernels))}",
        table=5,
        arch=dataclasses.replace(preset("dite_hrnet_18"), groups=groups, kernels=kernels),
        ap=_percent(ap),
        printed_params_m=params,
        printed_gflops=gflops,
        epochs=270,
    )
    for groups, kernels, params, gflops, ap in _TABLE_5
)
PUBLISHED = (*TABLE_2, *TABLE_5)


def published_for(study: StudyRecord) -> list[PublishedNetwork]:
    """The published networks measured the way the study measures its own, most often none.

    Same data set, same metric (``ap_det``), same input size, and a flip test unless the protocol does not say. A network
    that two tables print appears once.
    """
    protocol = study.protocol
    if METRIC not in study.objectives or protocol.get("dataset") != DATASET or protocol.get("flip_test", True) is not True:
        return []
    size = _size_text(protocol.get("input_size"))
    rows: dict[str, PublishedNetwork] = {}
    for network in PUBLISHED:
        if format_size(network.arch.input_size) == size:
            rows.setdefault(network.arch.arch_id, network)
    return list(rows.values())


def _size_text(size: Any) -> str:
    """``256x192`` for either spelling of an input size that a protocol may hold, else an empty text."""
    if isinstance(size, str):
        return size.lower().strip()
    return format_size(size) if isinstance(size, (list, tuple)) and len(size) == 2 else ""
