"""Published figures of the baselines, as printed in Li et al., "Dite-HRNet", IJCAI 2022 (doi:10.24963/ijcai.2022/153).

Tables 2 and 3 are COCO val2017 and test-dev2017 with detected boxes, Table 4 is MPII's validation with the annotated ones.
Trainings are those of the rows' own papers. For MobileNets and ShuffleNetV2 they are those of the published models whose
figures the rows repeat digit for digit. These start from ImageNet weights, although Table 2 marks them as not pretrained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from search_spaces.families.architecture import Architecture, resized
from search_spaces.families.published import COCO_TEST, PublishedFigure

AP, PCKH = "ap_det", "pckh50"
PRETRAINED = "it starts from ImageNet weights"


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the networks of some rows were trained."""

    epochs: int = 210
    decay_epochs: tuple[int, ...] = (170, 200)
    changes: Mapping[str, Any]
    remark: str = ""


class Row(NamedTuple):
    """A printed row: network, table, input, parameters in millions, GFLOPs, score in percent."""

    name: str
    table: int
    size: tuple[int, int]
    params: float
    gflops: float
    score: float


HRNET = {"batch_size": 128, "learning_rate": 1e-3, "rotation_degrees": 45.0, "scale_range": 0.35}
# MMPose's own: sizes from 0.5 to 1.5, and rotations with a standard deviation of 40 degrees.
MODEL_ZOO = {"batch_size": 512, "learning_rate": 5e-4, "rotation_degrees": 40.0, "scale_range": 0.5}
TRAININGS = {
    "8-stage Hourglass": Training(epochs=0, changes={}, remark="its training is not stated"),
    "CPN-ResNet-50": Training(epochs=0, changes={}, remark=f"{PRETRAINED}, and has targets of its own for each output"),
    "SimpleBaseline-ResNet-50": Training(
        epochs=140,
        decay_epochs=(90, 120),
        changes={"batch_size": 128, "learning_rate": 1e-3, "rotation_degrees": 40.0, "scale_range": 0.3},
        remark=PRETRAINED,
    ),
    "HRNet-W32": Training(changes=HRNET),
    "UDP-HRNet-W32": Training(changes=HRNET | {"codec": "udp"}, remark=PRETRAINED),
    "DARK-HRNet-W48": Training(changes=HRNET | {"codec": "dark"}, remark=PRETRAINED),
    "MobileNetV2": Training(changes=MODEL_ZOO, remark=PRETRAINED),
    "MobileNetV3": Training(epochs=0, changes={}, remark="its training is not stated"),
    "ShuffleNetV2": Training(changes=MODEL_ZOO, remark=PRETRAINED),
    "Small HRNet": Training(changes={}),
}
SMALL, LARGE, SQUARE = (256, 192), (384, 288), (256, 256)
ROWS = (
    Row("8-stage Hourglass", 2, SMALL, 25.1, 14.3, 66.9),
    Row("CPN-ResNet-50", 2, SMALL, 27.0, 6.2, 68.6),
    Row("SimpleBaseline-ResNet-50", 2, SMALL, 34.0, 8.9, 70.4),
    Row("HRNet-W32", 2, SMALL, 28.5, 7.1, 73.4),
    Row("UDP-HRNet-W32", 2, SMALL, 28.7, 7.1, 75.2),
    Row("MobileNetV2", 2, SMALL, 9.6, 1.4, 64.6),
    Row("MobileNetV2", 2, LARGE, 9.6, 3.3, 67.3),
    Row("ShuffleNetV2", 2, SMALL, 7.6, 1.2, 59.9),
    Row("ShuffleNetV2", 2, LARGE, 7.6, 2.8, 63.6),
    Row("Small HRNet", 2, SMALL, 1.3, 0.5, 55.2),
    Row("Small HRNet", 2, LARGE, 1.3, 1.2, 56.0),
    Row("SimpleBaseline-ResNet-50", 3, SMALL, 34.0, 8.9, 70.0),
    Row("HRNet-W32", 3, LARGE, 28.5, 16.0, 74.9),
    Row("UDP-HRNet-W32", 3, LARGE, 28.7, 16.1, 76.1),
    Row("DARK-HRNet-W48", 3, LARGE, 63.6, 32.9, 76.2),
    Row("MobileNetV2", 3, LARGE, 9.8, 3.3, 66.8),
    Row("ShuffleNetV2", 3, LARGE, 7.6, 2.8, 62.9),
    Row("Small HRNet", 3, LARGE, 1.3, 1.2, 55.2),
    Row("MobileNetV2", 4, SQUARE, 9.6, 1.9, 85.4),
    Row("MobileNetV3", 4, SQUARE, 8.7, 1.8, 84.3),
    Row("ShuffleNetV2", 4, SQUARE, 7.6, 1.7, 82.8),
    Row("Small HRNet", 4, SQUARE, 1.3, 0.7, 80.2),
)
"""Every row of the tables whose network can be built; Table 3 has a CPN with another backbone besides."""


def figures(networks: Mapping[str, Architecture]) -> tuple[PublishedFigure, ...]:
    """Return the published figures of some networks, given by the names of their rows."""
    return tuple(_figures(networks))


def _figures(networks: Mapping[str, Architecture]) -> Iterator[PublishedFigure]:
    for row in ROWS:
        if row.name not in networks:
            continue
        training, on_mpii = TRAININGS[row.name], row.table == 4
        yield PublishedFigure(
            name=row.name,
            table=row.table,
            table_name=f"table{row.table}",
            arch=resized(networks[row.name], input_size=row.size, keypoints=16 if on_mpii else 17),
            metric=PCKH if on_mpii else AP,
            score=round(row.score / 100, 4),
            printed_params_m=row.params,
            printed_flops=row.gflops,
            epochs=training.epochs,
            scored_on=COCO_TEST if row.table == 3 else "",
            decay_epochs=training.decay_epochs,
            training=tuple(training.changes.items()),
            remark=training.remark,
        )
