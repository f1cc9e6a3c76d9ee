"""The front as a picture, by matplotlib, which needs no browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from PIL import Image

from analysis.pareto.budget_filter import within
from analysis.pareto.front import front_of, scored
from analysis.pareto.recommendations import axis_costs
from analysis.report.elements.figures import BLUE, GREY, VERMILLION, front_line
from analysis.study.labels import metric_words, number_words, quantity
from analysis.study.published_results import NAMED_TABLES, published_for
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores
from search_spaces.space.budget import Budget

DPI = 150
PANEL = (5.6, 4.4)
"""Width and height of one panel in inches."""
MAX_LABELS, MANY_POINTS = 12, 500
PALETTE = 48
"""Colours of the file: four inks and their blends with white."""


def write_front_png(
    study: StudyRecord, target: Path | IO[bytes], budget: Budget | None = None, *, costs: Sequence[str] | None = None
) -> None:
    """Draw the first accuracy against each cost, or those named, side by side, with the front within the budget.

    A sentence stands where there is none. ``target`` is the file, by its path or open.
    """
    inside = within(study, budget or Budget())
    costs, scores = costs or axis_costs(study), costs_and_scores(study.objectives)[1]
    drawable = bool(costs and scores and scored(study))
    columns = len(costs) if drawable else 1
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1]), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    if drawable:
        for index, cost in enumerate(costs, start=1):
            _panel(figure.add_subplot(1, columns, index), study, inside, cost, scores[0])
        labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(*labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
        # A dollar sign would start a formula.
        name = study.name.replace("$", r"\$")
        stamp = metric_words(study, scores[0]).replace("$", r"\$")
        below = f"\n{quantity(scores[0])}: {stamp}" if stamp else ""
        figure.suptitle(f"{name}: {number_words(len(scored(study)), 'complete trial')}{below}", fontsize=11)
    else:
        figure.text(0.5, 0.5, "No front to draw: no complete trial with an accuracy and a cost.", ha="center")
    figure.set_dpi(DPI)
    canvas.draw()  # type: ignore[no-untyped-call]
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    # A third of the size: the page holds the picture too.
    image.quantize(PALETTE).save(target, format="PNG", optimize=True, dpi=(DPI, DPI))


def _panel(axes: Axes, study: StudyRecord, inside: StudyRecord, cost: str, score: str) -> None:
    front = [record for record in front_of(inside) if cost in record.values]
    affordable = {record.number for record in inside.trials}
    known = [record for record in scored(study) if cost in record.values]
    numbers = {record.number for record in front}
    rest = [record for record in known if record.number in affordable - numbers]
    beyond = [record for record in known if record.number not in affordable]
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.scatter(
        [record.values[cost] for record in rest],
        [record.values[score] for record in rest],
        s=28 if len(rest) <= MANY_POINTS else 9,
        alpha=1.0 if len(rest) <= MANY_POINTS else 0.5,
        facecolors="none",
        edgecolors=GREY,
        label="dominated",
    )
    if beyond:
        axes.scatter(
            [record.values[cost] for record in beyond],
            [record.values[score] for record in beyond],
            s=20,
            marker="x",
            linewidths=0.8,
            color=GREY,
            label="beyond the budget",
        )
    steps = front_line(front, cost, score)
    axes.plot([x for x, _ in steps], [y for _, y in steps], color=VERMILLION, linewidth=1.2)
    axes.scatter(
        [record.values[cost] for record in front],
        [record.values[score] for record in front],
        s=46,
        color=VERMILLION,
        label="on the front",
        zorder=3,
    )
    for record in front if len(front) <= MAX_LABELS else ():
        axes.annotate(
            str(record.number),
            (record.values[cost], record.values[score]),
            xytext=(5, -11),
            textcoords="offset points",
            fontsize=8,
        )
    published = [network for network in published_for(study) if network.table in NAMED_TABLES and cost in network.values]
    if published and score in published[0].values:
        axes.scatter(
            [network.values[cost] for network in published],
            [network.values[score] for network in published],
            marker="D",
            s=36,
            color=BLUE,
            label=f"published (Dite-HRNet paper, Table {published[0].table})",
        )
        for network in published:
            axes.annotate(
                network.name,
                (network.values[cost], network.values[score]),
                xytext=(5, 5),
                textcoords="offset points",
                fontsize=8,
            )
    if OBJECTIVES[cost].scaled:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel(quantity(cost))
    axes.set_ylabel(quantity(score))
    axes.spines[["top", "right"]].set_visible(False)
