"""The quantities that a search may optimise, limit or show: one row an objective, which every layer reads.

A new objective is one row here and what gives its value, by ``source``:

``counted``
    a property of the same name of `search_spaces.families.cost.Cost`: known of a network without building it.
``measured``
    a measurer of the same name in `dite_search.driver.measurers`: found on a trial's own machine before its training.
``learned``
    a score of the same name among the metrics of a validation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.common.errors import unknown_name

MINIMIZE, MAXIMIZE = "minimize", "maximize"
COUNTED, MEASURED, LEARNED = "counted", "measured", "learned"
SIGNS = {MINIMIZE: 1.0, MAXIMIZE: -1.0}
"""Factors that turn every direction into minimising."""
DIGITS = 3
"""Decimal places of a quantity that is no objective."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One quantity that can rank networks.

    Args:
        label: the name in tables, charts and sentences.
        unit: what names of limits call the quantity by; empty where its own name says it.
        digits: decimal places of a value.
        significant: whether values below 10 have one decimal place more.
        scaled: whether values are written in thousands and millions instead.
        convention: what exactly is counted or measured, for the reader of a report.
        least: what the network with the least of it is called; empty where ``fewest`` and the label do.
        common: whether reports, exports and comparisons show it even where nobody asked for it.
    """

    name: str
    direction: str
    source: str
    label: str
    unit: str = ""
    digits: int = DIGITS
    significant: bool = False
    scaled: bool = False
    convention: str
    least: str = ""
    common: bool = True

    def text(self, value: float) -> str:
        """Return a value with the digits that mean something."""
        if self.scaled:
            return f"{value / 1e6:.3f} M" if value >= 1e6 else f"{value / 1e3:.1f} k"
        return f"{value:.{self.digits + (self.significant and value < 10)}f}"


OBJECTIVES: dict[str, Objective] = {
    row.name: row
    for row in (
        Objective(
            name="ap_gt",
            direction=MAXIMIZE,
            source=LEARNED,
            label="AP (ground-truth boxes)",
            convention="AP with the annotated (ground-truth) boxes of people. About 0.02 higher than with a detector's; "
            "never compared with it.",
        ),
        Objective(
            name="ap_det",
            direction=MAXIMIZE,
            source=LEARNED,
            label="AP (detected boxes)",
            convention="AP with the boxes of a person detector, as published figures are.",
        ),
        Objective(
            name="pckh50",
            direction=MAXIMIZE,
            source=LEARNED,
            label="PCKh@0.5",
            convention="Share of joints that lie within half the head's length of the truth: the measure of MPII.",
        ),
        Objective(
            name="mmacs",
            direction=MINIMIZE,
            source=COUNTED,
            label="MMACs",
            digits=1,
            significant=True,
            convention="Millions of multiply-accumulates that our network executes on one image: every convolution, one "
            "multiply-add counted once, additions of a bias not counted.",
        ),
        Objective(
            name="mmacs_paper",
            direction=MINIMIZE,
            source=COUNTED,
            label="MMACs (paper's convention)",
            digits=1,
            significant=True,
            convention="The convention behind the figures of the Dite-HRNet paper, which calls them FLOPs: every "
            "convolution once, additions of a bias counted as well.",
            common=False,
        ),
        Objective(
            name="params",
            direction=MINIMIZE,
            source=COUNTED,
            label="parameters",
            scaled=True,
            convention="All parameters of the network.",
        ),
        Objective(
            name="latency_ms",
            direction=MINIMIZE,
            source=MEASURED,
            label="latency (ms)",
            unit="ms",
            digits=1,
            significant=True,
            convention="Median time of one image through the exported network in ONNX Runtime on a CPU, without reading the "
            "image and without flip test, measured before training; its spread, device, threads, warm-up and number of runs "
            "stand in latency.json of each trial's folder.",
            least="fastest",
        ),
    )
}
"""By name. AP and PCKh are fractions from 0 to 1; ``ap_gt`` was scored with ground-truth boxes, ``ap_det`` with detected
ones, and the two are never compared."""
DIRECTIONS = {row.name: row.direction for row in OBJECTIVES.values()}
"""Which way each objective is better."""


def named(*, source: str) -> tuple[str, ...]:
    """Return the names of the objectives of one source, in the order of the table."""
    return tuple(row.name for row in OBJECTIVES.values() if row.source == source)


def directions_of(objectives: Sequence[str]) -> list[str]:
    """Return ``minimize`` or ``maximize`` for each objective.

    Raises:
        InvalidInput: an objective is unknown.
    """
    for name in objectives:
        if name not in DIRECTIONS:
            raise unknown_name("objective", name, DIRECTIONS)
    return [DIRECTIONS[name] for name in objectives]


def costs_and_scores(objectives: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the objectives that are minimised, and those that are maximised."""
    sides = list(zip(objectives, directions_of(objectives), strict=True))
    return [name for name, side in sides if side == MINIMIZE], [name for name, side in sides if side == MAXIMIZE]


def format_value(name: str, value: float | None) -> str:
    """Return a quantity with the digits that mean something; a dash where it is missing."""
    if value is None or not math.isfinite(value):
        return "–"
    return OBJECTIVES[name].text(value) if name in OBJECTIVES else f"{value:.{DIGITS}f}"
