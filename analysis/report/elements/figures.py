"""The figures of a report, in plotly: the axes and published points of the front, hypervolume and learning curves.

Colours are of the Okabe-Ito palette (Okabe and Ito, "Color Universal Design", 2008). People with any common form of colour
blindness tell them apart, and every kind of point has a shape of its own as well. Figures carry no background and no text
colour: the page sets both for light and dark. Text from outside is escaped, since plotly reads it as markup.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.pareto.front import front_of
from analysis.statistics.dependence import Dependence
from analysis.statistics.importance import Importance
from analysis.study.labels import metric_words, quantity
from analysis.study.published_results import NAMED_TABLES, PublishedNetwork
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.objectives import costs_and_scores, format_value, gain

VERMILLION, BLUE, GREEN, ORANGE, PURPLE = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7"
GREY = "#8A8F98"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x")
CURVE_COLORS = (VERMILLION, BLUE, GREEN, ORANGE, PURPLE)
MAX_NAMED_CURVES = 5
MAX_GREY_CURVES = 120
MAX_BARS = 15
MAX_CATEGORIES = 6
"""Up to so many values of a parameter stand side by side, whatever lies between them."""
STAMP_CHARACTERS = 64
"""Characters of a line below the words of an axis."""
TABLE_SYMBOLS = {2: "diamond", 4: "diamond", 5: "diamond-open", 6: "diamond-wide-open"}
"""The published tables and the sign of each; 2 is COCO and 4 MPII, never in one figure."""


def front_layout(study: StudyRecord, cost: str, score: str) -> go.Figure:
    """The axes of one accuracy against one cost; the page draws the trials, which depend on its reader's budget."""
    return _laid_out(go.Figure(), quantity(cost), _stamped(study, score))


def published_figure(networks: Sequence[PublishedNetwork], cost: str, score: str) -> go.Figure:
    """The published networks of the study's test protocol, each table with a sign of its own."""
    figure = go.Figure()
    for table, symbol in TABLE_SYMBOLS.items():
        _add_published(figure, [network for network in networks if network.table == table], cost, score, table, symbol)
    return figure


def hypervolume_figure(curve: pd.DataFrame, against: str, *, factor: float = 1.0, unit: str = "trial") -> go.Figure:
    """The covered fraction of the objective space against ``trials`` or ``seconds``, those times ``factor`` and of a unit.

    A point is kept only where the line steps.
    """
    scale, label = (1.0, "trials") if against == "trials" else time_unit(float(curve["seconds"].max()) * factor)
    steps = curve["hypervolume"].diff().fillna(1.0) != 0
    steps.iloc[-1:] = True
    kept = curve[steps]
    figure = go.Figure()
    figure.add_scatter(
        x=[0.0, *(float(value) * (factor if against == "seconds" else 1.0) / scale for value in kept[against])],
        y=[0.0, *(float(value) for value in kept["hypervolume"])],
        mode="lines",
        line={"color": BLUE, "width": 2.5, "shape": "hv"},
        hovertemplate=f"%{{x:.4g}} {label}<br>hypervolume %{{y:.4f}}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(rangemode="tozero")
    return _laid_out(figure, label if against == "trials" else f"{unit} {label}", "hypervolume")


def curves_figure(study: StudyRecord, metric: str) -> go.Figure:
    """One metric of every trial against its epochs; up to five of the front are named, best to worst, the others grey.

    Of more than `MAX_GREY_CURVES` others so many are drawn, evenly spread over the search.
    """
    front = [record for record in front_of(study) if curve_of(record, metric)]
    for name in costs_and_scores(study.objectives)[1][:1]:
        front.sort(key=lambda record: -gain(name, record.values[name]))
    named = _spread(front, MAX_NAMED_CURVES)
    numbers = {record.number for record in named}
    others = [record for record in study.trials if record.number not in numbers and curve_of(record, metric)]
    figure = go.Figure()
    if others:
        figure.add_scatter(
            **_joined(_spread(others, MAX_GREY_CURVES), metric),
            name="other trials",
            mode="lines+markers",
            opacity=0.55,
            line={"color": GREY, "width": 1},
            marker={"size": 4},
            hovertemplate="%{text}<br>epoch %{x}: %{y:.4f}<extra></extra>",
        )
    for index, record in enumerate(named):
        points = curve_of(record, metric)
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            name=f"trial {record.number}",
            mode="lines+markers",
            line={"color": CURVE_COLORS[index], "width": 2, "dash": DASHES[index]},
            marker={"symbol": SYMBOLS[index], "size": 8},
            hovertemplate=f"trial {record.number}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
        )
    return _laid_out(figure, "epoch", _stamped(study, metric))


def importance_figure(found: Sequence[Importance]) -> go.Figure:
    """Shares as bars, the largest on top, with their intervals as whiskers."""
    shown = list(reversed(found[:MAX_BARS]))
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        y=[_escaped(entry.name) for entry in shown],
        x=[entry.share for entry in shown],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, entry.high - entry.share) for entry in shown],
            "arrayminus": [max(0.0, entry.share - entry.low) for entry in shown],
            "color": GREY,
        },
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        showlegend=False,
    )
    _laid_out(figure, "share of all that the predictions vary", "")
    figure.update_layout(height=max(220, 90 + 26 * len(shown)))
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    return figure


def dependence_figure(found: Dependence) -> go.Figure:
    """The mean prediction at each value within its band; categories stand side by side, evenly."""
    named = any(isinstance(value, str) for value in found.values) or len(found.values) <= MAX_CATEGORIES
    xs = [escape(str(value)) if named else value for value in found.values]
    figure = go.Figure()
    # Colours of a band cannot be told by the page's theme: half-transparent grey stands on both.
    figure.add_scatter(x=xs, y=list(found.highs), mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=xs,
        y=list(found.lows),
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(138, 143, 152, 0.35)",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=xs,
        y=list(found.means),
        mode="lines+markers",
        line={"color": VERMILLION, "width": 2},
        marker={"size": 7},
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
        showlegend=False,
    )
    _laid_out(figure, _escaped(found.parameter), quantity(found.objective))
    figure.update_layout(height=300)
    if named:
        figure.update_xaxes(type="category")
    return figure


def repeats_figure(groups: Mapping[str, Sequence[float]], score: str) -> go.Figure:
    """The scores of each network's trainings, a column a network."""
    figure = go.Figure()
    figure.add_scatter(
        x=[name for name, values in groups.items() for _ in values],
        y=[value for values in groups.values() for value in values],
        mode="markers",
        marker={"symbol": "circle-open", "color": BLUE, "size": 10, "line": {"width": 2}},
        hovertemplate="network of trial %{x}: %{y:.4f}<extra></extra>",
        showlegend=False,
    )
    _laid_out(figure, "network, by its first trial", score)
    figure.update_layout(height=320)
    figure.update_xaxes(type="category")
    return figure


def curve_metrics(study: StudyRecord) -> list[str]:
    """The metrics worth a figure of learning curves: the accuracy objectives that some epoch has, then the loss."""
    names = [*costs_and_scores(study.objectives)[1], "loss"]
    return [name for name in names if any(curve_of(record, name) for record in study.trials)]


def front_line(front: Iterable[TrialRecord], cost: str, score: str) -> list[tuple[float, float]]:
    """The corners of the `step_line` through the networks of a front, from the end where the cost is best."""
    points = [(record.values[cost], record.values[score]) for record in front]
    return step_line(points, sign=gain(score, 1.0), cost_sign=-gain(cost, 1.0))


def step_line(
    points: Iterable[tuple[float, float]], *, sign: float = 1.0, cost_sign: float = 1.0
) -> list[tuple[float, float]]:
    """The corners of the line "best score so far" over points (cost, score): flat, then a step at a better point.

    ``sign`` is -1 where smaller scores are better, and ``cost_sign`` where larger costs are.
    """
    corners: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (cost_sign * point[0], -sign * point[1])):
        if corners and sign * y <= sign * corners[-1][1]:
            continue
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return corners


def curve_of(record: TrialRecord, metric: str) -> list[tuple[float, float]]:
    """Epochs and values of one metric of a trial, where it is finite."""
    return [
        (point["epoch"], point[metric])
        for point in record.curve
        if "epoch" in point and math.isfinite(point.get(metric, math.nan))
    ]


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit that a duration is best told in: its seconds and its name."""
    if seconds < 600:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 36_000 else (3600.0, "hours")


def _add_published(
    figure: go.Figure, networks: Sequence[PublishedNetwork], cost: str, score: str, table: int, symbol: str
) -> None:
    known = [network for network in networks if cost in network.values and score in network.values]
    if not known:
        return
    figure.add_scatter(
        x=[network.values[cost] for network in known],
        y=[network.values[score] for network in known],
        text=[network.name if table in NAMED_TABLES else "" for network in known],
        hovertext=[
            f"<b>published: {network.label}</b><br>{quantity(score)}: {network.score:.3f} as published"
            f"<br>{quantity(cost)}: {format_value(cost, network.values[cost])} by our count"
            f"<br>printed: {network.printed_params_m} M parameters, {network.printed_cost}FLOPs"
            f"<br>{network.epochs} epochs of training"
            for network in known
        ],
        mode="markers+text",
        # To the left, and apart, since the two families lie close together at the right of the figure.
        textposition=["top left" if network.proposed else "bottom left" for network in known],
        name=f"published (Dite-HRNet paper, Table {table})",
        marker={"symbol": symbol, "color": BLUE, "size": 11},
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _joined(records: Sequence[TrialRecord], metric: str) -> dict[str, Any]:
    """Many curves as one line with gaps."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    texts: list[str] = []
    for record in records:
        points = curve_of(record, metric)
        xs += [*(x for x, _ in points), None]
        ys += [*(y for _, y in points), None]
        texts += [f"trial {record.number}, {record.status}"] * (len(points) + 1)
    return {"x": xs, "y": ys, "text": texts}


def _stamped(study: StudyRecord, name: str) -> str:
    """The words of an axis, with all that makes an accuracy comparable below them, in lines that fit beside a figure."""
    words = textwrap.wrap(metric_words(study, name), STAMP_CHARACTERS)
    return "<br>".join([quantity(name), *(f"<sub>{escape(line)}</sub>" for line in words)])


def _escaped(name: str) -> str:
    return escape(name.replace("_", " "))


def _spread(records: Sequence[TrialRecord], count: int) -> list[TrialRecord]:
    """At most ``count`` of the records, the ends among them."""
    if len(records) <= count:
        return list(records)
    return [records[round(index * (len(records) - 1) / (count - 1))] for index in range(count)]


def _laid_out(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        template="none",
        height=430,
        margin={"l": 58, "r": 16, "t": 12, "b": 52},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        hoverlabel={"align": "left"},
        hovermode="closest",
    )
    figure.update_xaxes(title=x, zeroline=False, showline=True)
    figure.update_yaxes(title=y, zeroline=False, showline=True, automargin=True)
    return figure
