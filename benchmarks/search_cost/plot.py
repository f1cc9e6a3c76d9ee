"""The picture: the fraction of the hypervolume against epochs of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks.search_cost.competitors import Competitor
from benchmarks.search_cost.runs import Run
from benchmarks.search_cost.summary import median_to

mpl.use("Agg")
from matplotlib import pyplot as plt

POINTS = 400
LOWEST = 0.6
"""Fraction at which the axis begins: below lie the first two or three trainings, which tell nothing apart."""
TABLEAU = [f"tab:{name}" for name in ("gray", "orange", "green", "purple", "brown", "red", "blue")]


def draw(competitors: Sequence[Competitor], runs: Mapping[str, Sequence[Run]], *, target: float, path: Path) -> None:
    """Median over the seeds as a line with its name, quartiles as a band; a run that is over stays where it ended."""
    ends = [median_to(runs[competitor.name], target) for competitor in competitors]
    last = 1.1 * max((end for end in ends if math.isfinite(end)), default=1000.0)
    grid = np.linspace(0, last, POINTS)
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    colors = dict(zip((c.name for c in competitors), TABLEAU, strict=False))
    for competitor in competitors:
        curves = np.array([_reached(run, grid) for run in runs[competitor.name]])
        low, middle, high = np.quantile(curves, (0.25, 0.5, 0.75), axis=0)
        color = colors[competitor.name]
        axes.fill_between(grid, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(grid, middle, color=color, linewidth=2.2 if competitor.group == "ours" else 1.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _reached(run: Run, grid: np.ndarray) -> np.ndarray:
    epochs = [0, *(epochs for epochs, _ in run.steps)]
    fractions = np.array([0.0, *(fraction for _, fraction in run.steps)])
    return fractions[np.searchsorted(epochs, grid, side="right") - 1]
