"""`PublishedFigure`: one row of a published table, as a family brings it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search_spaces.families.architecture import Architecture

PAPER = "Dite-HRNet paper"
COCO_TEST = "coco_test_dev2017"
"""The data set of the paper's Table 3, whose annotations COCO's server keeps to itself."""


@dataclass(frozen=True, kw_only=True)
class PublishedFigure:
    """One row of a published table; the printed figures are as printed, rounding included.

    Args:
        name: The name of the network.
        table: The number of the table in the paper.
        table_name: The name of the table in search files: a table with figures on two data sets has two.
        arch: The network.
        metric: The name of the score.
        score: The score, a fraction.
        printed_params_m: The printed parameters in millions.
        printed_flops: The printed multiply-accumulates.
        flops_unit: Their unit.
        epochs: The length of the training; 0 where it is not stated.
        proposed: Whether the paper proposes the network, rather than compares others with it.
        scored_on: The data set that was scored; empty for the validation set of the metric.
        decay_epochs: Epochs after which the learning rate falls to a tenth.
        training: Hyper-parameters that differ from the published recipe for the data.
        remark: What else sets the training apart.
    """

    name: str
    table: int
    table_name: str
    arch: Architecture
    metric: str
    score: float
    printed_params_m: float | None
    printed_flops: float
    flops_unit: str = "G"
    """``G`` or ``M``: of multiply-accumulates, which the paper calls FLOPs."""
    epochs: int
    proposed: bool = False
    scored_on: str = ""
    decay_epochs: tuple[int, ...] = (170, 200)
    training: tuple[tuple[str, Any], ...] = ()
    remark: str = ""
