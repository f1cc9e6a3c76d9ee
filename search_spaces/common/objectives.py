"""The quantities that a search may optimise, limit or show: one row an objective, which every layer reads.

An objective of the program is one row here and what gives its value, by ``source``:

``counted``
    a property of the same name of `search_spaces.families.cost.Cost`: known of a network without building it.
``measured``
    a measurer of the same name in `dite_search.driver.measurers`: found on a trial's own machine before its training.
``learned``
    a score of the same name among the metrics of a validation.

A user's own (`search_spaces.common.own_objectives`) is registered beside them in each process that reads its search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.common.errors import InvalidInput, check_names

MINIMIZE, MAXIMIZE = "minimize", "maximize"
COUNTED, MEASURED, LEARNED = "counted", "measured", "learned"
SIGNS = {MINIMIZE: 1.0, MAXIMIZE: -1.0}
"""Factors that turn every direction into minimising."""
PUBLISHED_FLOPS = "mflops_published"
"""The objective whose convention differs between families: only networks that are counted alike are compared by it."""
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
        useless: the value of a learned objective at which a network has found nothing, or no more than chance finds.
        highest: the largest value that there can be.
        is_own: whether its value comes from a function of the user's.
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
    useless: float | None = None
    highest: float = math.inf
    is_own: bool = False

    @property
    def is_learned(self) -> bool:
        """Whether a training has to give its value, which makes it a score and no cost."""
        return self.source == LEARNED

    @property
    def is_better_high(self) -> bool:
        """Whether larger values are better."""
        return self.direction == MAXIMIZE

    def is_beyond_chance(self, value: float) -> bool:
        """Whether a value is at least as good as ``useless``; true of a quantity that has no such value."""
        if self.useless is None:
            return True
        return value >= self.useless if self.is_better_high else value <= self.useless

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
            useless=0.01,
            highest=1.0,
            convention="AP with the annotated (ground-truth) boxes of people. About 0.02 higher than with a detector's; "
            "never compared with it.",
        ),
        Objective(
            name="ap_det",
            direction=MAXIMIZE,
            source=LEARNED,
            label="AP (detected boxes)",
            useless=0.01,
            highest=1.0,
            convention="AP with the boxes of a person detector, as published figures are.",
        ),
        Objective(
            name="pckh50",
            direction=MAXIMIZE,
            source=LEARNED,
            label="PCKh@0.5",
            useless=0.02,
            highest=1.0,
            convention="Share of joints that lie within half the head's length of the truth: the measure of MPII. On data "
            "of your own the length is that between two keypoints, and the mean is over keypoints.",
        ),
        Objective(
            name="pck",
            direction=MAXIMIZE,
            source=LEARNED,
            label="PCK",
            useless=0.02,
            highest=1.0,
            convention="Share of keypoints that lie nearer to the truth than a part of a length of the person, mean over "
            "keypoints. The length is that of box, torso or head, as the protocol says.",
        ),
        Objective(
            name="auc",
            direction=MAXIMIZE,
            source=LEARNED,
            label="AUC",
            useless=0.01,
            highest=1.0,
            convention="Area under the curve of PCK over thresholds from 0 up to the pixels that the protocol says.",
        ),
        Objective(
            name="nme",
            direction=MINIMIZE,
            source=LEARNED,
            label="NME",
            digits=4,
            useless=1.0,
            least="smallest NME",
            convention="Normalised mean error: mean distance of keypoints from the truth, in units of a length of the "
            "person that the protocol says. Smaller is better.",
        ),
        Objective(
            name="epe",
            direction=MINIMIZE,
            source=LEARNED,
            label="EPE (pixels)",
            unit="px",
            digits=2,
            least="smallest EPE",
            convention="End-point error: mean distance of keypoints from the truth in pixels. Smaller is better.",
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
            label="MMACs (with biases)",
            digits=1,
            significant=True,
            convention="Millions of multiply-accumulates with the additions of biases. A convolution that runs several "
            "times in one pass counts once.",
            common=False,
        ),
        Objective(
            name=PUBLISHED_FLOPS,
            direction=MINIMIZE,
            source=COUNTED,
            label="MFLOPs (as published)",
            digits=1,
            significant=True,
            convention="The operations behind the printed figures of the network's own papers, in units of 2^20. For "
            "Dite-HRNet and Lite-HRNet: convolutions with their biases, batch normalisation, ReLU, pooling to one position "
            "and nearest upsampling. For the baselines: multiply-accumulates of convolutions. The two are never compared.",
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
            convention="Median time of one image through the exported network on a CPU, measured before training. "
            "The runtime is ONNX Runtime unless latency.runtime of the search names another. Reading the image and the flip "
            "test are not in it. Its spread, device, threads, warm-up and number of runs stand in latency.json of each "
            "trial's folder.",
            least="fastest",
        ),
    )
}
"""By name. AP, PCK, PCKh and AUC are fractions from 0 to 1; ``ap_gt`` was scored with ground-truth boxes, ``ap_det`` with
detected ones, and the two are never compared."""
SCORES = tuple(row.name for row in OBJECTIVES.values() if row.is_learned)
"""Names of the objectives that a training gives."""
DIRECTIONS = {row.name: row.direction for row in OBJECTIVES.values()}
"""Which way each objective is better."""


def cost_names() -> tuple[str, ...]:
    """Return the names of the objectives that are known of a network without training it, which budgets limit."""
    return tuple(row.name for row in OBJECTIVES.values() if not row.is_learned)


def register(row: Objective) -> None:
    """Add an objective of a user's own to those that this process knows; a row of the same name is replaced.

    Raises:
        InvalidInput: the name is the program's own, or means another direction or source in this process.
    """
    before = OBJECTIVES.get(row.name)
    if before is not None and not before.is_own:
        raise InvalidInput(f"an objective of your own must not be called {row.name}, which is one of the program's")
    if before is not None and (before.direction, before.source) != (row.direction, row.source):
        raise InvalidInput(
            f"objective {row.name} must be one thing in one process: it is {before.source} to {before.direction}, and"
            f" another study has it {row.source} to {row.direction}; read that study in a process of its own"
        )
    OBJECTIVES[row.name], DIRECTIONS[row.name] = row, row.direction


def named(*, source: str) -> tuple[str, ...]:
    """Return the names of the objectives of one source, in the order of the table."""
    return tuple(row.name for row in OBJECTIVES.values() if row.source == source)


def directions_of(objectives: Sequence[str]) -> list[str]:
    """Return ``minimize`` or ``maximize`` for each objective.

    Raises:
        InvalidInput: an objective is unknown.
    """
    check_names("objective", objectives, DIRECTIONS)
    return [DIRECTIONS[name] for name in objectives]


def costs_and_scores(objectives: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the objectives that are counted or measured, and those that are learned, whichever way these are better.

    Raises:
        InvalidInput: an objective is unknown.
    """
    directions_of(objectives)
    costs = [name for name in objectives if not OBJECTIVES[name].is_learned]
    return costs, [name for name in objectives if OBJECTIVES[name].is_learned]


def is_score(name: str) -> bool:
    """Whether a name is that of a learned objective."""
    return name in OBJECTIVES and OBJECTIVES[name].is_learned


def gain(name: str, value: float) -> float:
    """Return a value of an objective with the sign that makes larger ones better."""
    return -SIGNS[DIRECTIONS[name]] * value


def minimised(value: float, direction: str) -> float:
    """Return a cost above 0 as one that is better low: itself, or its reciprocal where larger values are better."""
    return 1.0 / value if direction == MAXIMIZE else value


def format_value(name: str, value: float | None) -> str:
    """Return a quantity with the digits that mean something; a dash where it is missing."""
    if value is None or not math.isfinite(value):
        return "–"
    return OBJECTIVES[name].text(value) if name in OBJECTIVES else f"{value:.{DIGITS}f}"
