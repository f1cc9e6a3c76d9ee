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
    """One row of a published table. ``score`` is a fraction; the printed figures are as printed, rounding included.

    ``training`` are hyper-parameters that differ from the published recipe for the data, and ``remark`` is what else sets
    the training apart. ``epochs`` is 0 where the length of the training is not stated.

    ``table`` is the number of the table in the paper, and ``table_name`` its name in search files: a table with figures on
    two data sets has two. ``proposed`` sets the networks that the paper proposes apart from those it compares them with.
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
    dataset: str = ""
    """The data set that was scored; the validation set of the metric where it is empty."""
    decay_epochs: tuple[int, ...] = (170, 200)
    """Epochs after which the learning rate falls to a tenth."""
    training: tuple[tuple[str, Any], ...] = ()
    remark: str = ""
