"""The picture: the fraction of the hypervolume against epochs of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.search_cost.competitors import Competitor
from benchmarks.search_cost.runs import Run
from benchmarks.search_cost.summary import median_to

POINTS = 600
LOWEST = 0.6
"""Fraction at which the axis begins: below lie the first trainings of everyone, which tell nothing apart."""
ROOM = 0.09
"""The part of the axis above the target, for names."""
APART = 0.035
"""Least distance of two names, as a part of either axis."""
COLORS = [f"tab:{name}" for name in ("gray", "orange", "green", "purple", "brown", "red", "pink", "olive")]
OURS_COLOR = "tab:blue"

Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Line:
    """The middle of a competitor's runs up to its end, at the target or at the edge of the picture."""

    label: str
    color: str
    end: tuple[float, float]
    arrived: bool


def draw(competitors: Sequence[Competitor], runs: Mapping[str, Sequence[Run]], *, target: float, path: Path) -> None:
    """Median over the seeds as a line with its name where it ends, quartiles as a band; runs are over at the target."""
    ends = [median_to(runs[competitor.name], target) for competitor in competitors]
    last = 1.05 * max((end for end in ends if math.isfinite(end)), default=1000.0)
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axhline(target, color="black", linewidth=0.8, linestyle=":")
    others = iter(COLORS)
    lines = []
    for competitor in competitors:
        color = OURS_COLOR if competitor.group == "ours" else next(others)
        lines.append(_line(axes, competitor, color, runs[competitor.name], np.linspace(0.0, last, POINTS), target))
    _name(axes, lines, last)
    axes.set(xlim=(0, last), ylim=(LOWEST, target + ROOM), xlabel="epochs of training, all trials together")
    axes.set_yticks(np.arange(LOWEST, target + 0.01, 0.05))
    axes.set_ylabel("fraction of the table's hypervolume")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _line(axes: Axes, competitor: Competitor, color: str, runs: Sequence[Run], grid: Vector, target: float) -> _Line:
    curves = np.array([_reached(run, grid, target) for run in runs])
    low, middle, high = np.quantile(curves, (0.25, 0.5, 0.75), axis=0)
    stop = int(np.argmax(middle >= target)) if middle[-1] >= target else len(grid) - 1
    axes.fill_between(grid, low, high, color=color, alpha=0.12, linewidth=0, step="post")
    width = 2.4 if competitor.group == "ours" else 1.5
    axes.step(grid[: stop + 1], middle[: stop + 1], where="post", color=color, linewidth=width)
    return _Line(
        label=competitor.label,
        color=color,
        end=(float(grid[stop]), float(middle[stop])),
        arrived=bool(middle[stop] >= target),
    )


def _name(axes: Axes, lines: Sequence[_Line], last: float) -> None:
    """Aslant above the target for those that arrive, at the edge for the others."""
    place = -math.inf
    for line in sorted((line for line in lines if line.arrived), key=lambda line: line.end):
        place = max(line.end[0], place + APART * last)
        axes.plot(*line.end, "o", color=line.color, markersize=4)
        axes.annotate(line.label, line.end, (place, line.end[1] + 0.008), color=line.color, fontsize=8, rotation=30)
    height = math.inf
    for line in sorted((line for line in lines if not line.arrived), key=lambda line: -line.end[1]):
        height = min(line.end[1], height - APART * (1 - LOWEST))
        axes.annotate(
            line.label, (last, height), (4, 0), textcoords="offset points", color=line.color, fontsize=8, va="center"
        )


def _reached(run: Run, grid: Vector, target: float) -> Vector:
    """Return the fraction that a run had reached at each number of epochs, at most the target, where runs end."""
    epochs = np.array([0, *(epochs for epochs, _ in run.steps)])
    fractions = np.array([0.0, *(min(fraction, target) for _, fraction in run.steps)])
    found: Vector = fractions[np.searchsorted(epochs, grid, side="right") - 1]
    return found
