"""Published networks of the family, the protocol of each, and when they may stand in one figure with a study's own.

Accuracies are the papers': Li et al., "Dite-HRNet", IJCAI 2022 (doi:10.24963/ijcai.2022/153). Tables 2, 5 and 6 are COCO
val2017 with detected boxes, Tables 4 and 6 are MPII's validation with the annotated boxes. The rows of Lite-HRNet itself
are as Lite-HRNet's authors published them (arXiv:2104.06403), after 210 epochs. Costs on an axis are ours, counted on the
same architecture under the convention of that axis, since most printed ones have one significant digit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.study.records import StudyRecord
from search_spaces.families.dite_hrnet.config import ArchConfig, format_size
from search_spaces.families.dite_hrnet.cost import Cost, cost_of
from search_spaces.families.dite_hrnet.presets import TABLE_6 as NETWORKS_OF_TABLE_6
from search_spaces.families.dite_hrnet.presets import preset
from search_spaces.training_config import COMPUTATION, TrainConfig
from trainers.data.formats.data_format import FORMATS

COCO, MPII = "coco_val2017", "mpii_val"
"""Names of the data sets as a search file has to give them for the published figures to be of the same data."""
AP, PCKH = "ap_det", "pckh50"
DETECTOR = "of a detector with person AP 56.4"
"""The detector behind the published boxes on COCO val2017."""
PAPER = "Dite-HRNet paper"
DECAY_EPOCHS = (170, 200)
"""After these epochs the published trainings lower the learning rate, whatever their length."""
LITE_EPOCHS, COCO_EPOCHS, MPII_EPOCHS = 210, 270, 260


@dataclass(frozen=True, kw_only=True)
class PublishedNetwork:
    """One row of a published table. ``score`` is a fraction; the printed figures are as printed, rounding included."""

    name: str
    table: int
    arch: ArchConfig
    metric: str
    score: float
    printed_params_m: float | None
    printed_flops: float
    flops_unit: str = "G"
    """``G`` or ``M``: of multiply-accumulates, which the paper calls FLOPs."""
    epochs: int

    @property
    def label(self) -> str:
        """The name and where it is printed."""
        return f"{self.name} ({PAPER}, Table {self.table})"

    @property
    def printed_cost(self) -> str:
        """The cost with the digits that are printed, as in ``205.2 M``."""
        return f"{self.printed_flops} {self.flops_unit}"

    @property
    def dataset(self) -> str:
        """The name of the data set."""
        return MPII if self.metric == PCKH else COCO

    @property
    def protocol(self) -> dict[str, Any]:
        """How it was trained and scored, under the names of a study's protocol."""
        return {
            "dataset": self.dataset,
            "train_split": "train",
            "val_split": "val",
            "boxes": "gt" if self.metric == PCKH else "det",
            "input_size": format_size(self.arch.input_size),
            "epochs": self.epochs,
            "batch_size": 256,
            "flip_test": True,
        }

    @cached_property
    def recipe(self) -> TrainConfig:
        """Its hyper-parameters."""
        of_data = FORMATS["mpii" if self.metric == PCKH else "coco"].training
        own = {"epochs": self.epochs, "milestones": tuple(epoch / self.epochs for epoch in DECAY_EPOCHS)}
        return TrainConfig.from_dict({**of_data, **own})

    @cached_property
    def cost(self) -> Cost:
        """Our count for the same architecture and input size."""
        return cost_of(self.arch)

    @property
    def values(self) -> dict[str, float]:
        """Quantities by the names of objectives, as in a trial record; no latency was published."""
        return {self.metric: self.score, **self.cost.objectives}


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


def _fraction(percent: float) -> float:
    return round(percent / 100, 4)


def _epochs(name: str, usual: int) -> int:
    return LITE_EPOCHS if name in ("Lite-HRNet-18", "Lite-HRNet-30") else usual


def _preset(name: str) -> str:
    return name.lower().replace("-", "_")


def _on_mpii(name: str) -> ArchConfig:
    return preset(name, input_size=(256, 256), keypoints=16)


TABLE_2 = tuple(
    PublishedNetwork(
        name=name,
        table=2,
        arch=preset(_preset(name), input_size=(height, width)),
        metric=AP,
        score=_fraction(ap),
        printed_params_m=params,
        printed_flops=gflops,
        epochs=_epochs(name, COCO_EPOCHS),
    )
    for name, height, width, params, gflops, ap in _TABLE_2
)
TABLE_4 = tuple(
    PublishedNetwork(
        name=name,
        table=4,
        arch=_on_mpii(_preset(name)),
        metric=PCKH,
        score=_fraction(pckh),
        printed_params_m=params,
        printed_flops=gflops,
        epochs=_epochs(name, MPII_EPOCHS),
    )
    for name, params, gflops, pckh in _TABLE_4
)
TABLE_5 = tuple(
    PublishedNetwork(
        name=f"Dite-HRNet-18, G {','.join(map(str, groups))}, N {','.join(map(str, kernels))}",
        table=5,
        arch=dataclasses.replace(preset("dite_hrnet_18"), groups=groups, kernels=kernels),
        metric=AP,
        score=_fraction(ap),
        printed_params_m=params,
        printed_flops=gflops,
        epochs=COCO_EPOCHS,
    )
    for groups, kernels, params, gflops, ap in _TABLE_5
)


def _of_table_6(
    name: str, arch: ArchConfig, *, metric: str, percent: float, params: float, mflops: float, epochs: int
) -> PublishedNetwork:
    return PublishedNetwork(
        name=name,
        table=6,
        arch=arch,
        metric=metric,
        score=_fraction(percent),
        printed_params_m=params,
        printed_flops=mflops,
        flops_unit="M",
        epochs=_epochs(name, epochs),
    )


TABLE_6_COCO = tuple(
    _of_table_6(name, preset(network), metric=AP, percent=ap, params=params, mflops=mflops, epochs=COCO_EPOCHS)
    for network, (name, params, mflops, ap, _, _) in zip(NETWORKS_OF_TABLE_6, _TABLE_6, strict=True)
)
TABLE_6_MPII = tuple(
    _of_table_6(name, _on_mpii(network), metric=PCKH, percent=pckh, params=params, mflops=mflops, epochs=MPII_EPOCHS)
    for network, (name, params, _, _, mflops, pckh) in zip(NETWORKS_OF_TABLE_6, _TABLE_6, strict=True)
)
NAMED_TABLES = (2, 4)
"""Tables whose networks have their names beside them in a figure: few, and apart from each other."""
PUBLISHED = (*TABLE_2, *TABLE_4, *TABLE_5, *TABLE_6_COCO, *TABLE_6_MPII)


def published_for(study: StudyRecord) -> list[PublishedNetwork]:
    """The published networks scored the way the study scores its own, most often none.

    Same data set and split, same metric (``ap_det`` or ``pckh50``), same input size, and a flip test unless the protocol
    does not say; the training may differ. A network that two tables print appears once.
    """
    protocol = study.protocol
    if protocol.get("flip_test", True) is not True or protocol.get("val_split", "val") != "val":
        return []
    size = _size_text(protocol.get("input_size"))
    rows: dict[str, PublishedNetwork] = {}
    for network in PUBLISHED:
        if network.metric not in study.objectives or network.dataset != protocol.get("dataset"):
            continue
        if format_size(network.arch.input_size) == size:
            rows.setdefault(network.arch.arch_id, network)
    return list(rows.values())


RECIPE_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in ("epochs", "batch_size", "flip_test", "validate_every", "seed", *COMPUTATION)
)
"""Hyper-parameters that change what is learned and have no field of their own in a protocol."""


def recipe_changes(config: TrainConfig) -> dict[str, Any]:
    """Hyper-parameters that differ from the paper's for COCO, as plain values: the rest of a protocol."""
    ours, paper = config.to_dict(), TrainConfig().to_dict()
    return {name: ours[name] for name in RECIPE_FIELDS if ours[name] != paper[name]}


def _size_text(size: Any) -> str:
    """``256x192`` for either spelling of an input size that a protocol may hold, else an empty text."""
    if isinstance(size, str):
        return size.lower().strip()
    return format_size(size) if isinstance(size, (list, tuple)) and len(size) == 2 else ""
