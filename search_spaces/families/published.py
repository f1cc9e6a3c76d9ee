"""`PublishedFigure`: one row of a published table, as a family brings it."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.families.architecture import Architecture

PAPER = "Dite-HRNet paper"


@dataclass(frozen=True, kw_only=True)
class PublishedFigure:
    """One row of a published table. ``score`` is a fraction; the printed figures are as printed, rounding included.

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
