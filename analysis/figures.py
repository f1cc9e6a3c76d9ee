"""The figures of a report, in plotly: front, hypervolume and learning curves.

Colours are of the Okabe-Ito palette (Okabe and Ito, "Color Universal Design", 2008), which people with any common form of
colour blindness tell apart, and every kind of point has a shape of its own as well. Figures carry no background and no
text colour: the page sets both for light and dark. Text from outside is escaped, since plotly reads it as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.pareto import costs_and_scores, front_of, scored
from analysis.published import NAMED_TABLES, PublishedNetwork
from analysis.trials import StudyRecord, TrialRecord
from analysis.words import format_value, parameter_words, quantity, varied_parameters

VERMILLION, BLUE, GREEN, ORANGE, PURPLE = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7"
GREY = "#8A8F98"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x")
CURVE_COLORS = (VERMILLION, BLUE, GREEN, ORANGE, PURPLE)
MAX_NAMED_CURVES = 5
MAX_NUMBERED = 15
"""Up to so many networks of the front bear their number in the figure."""
HOVER_WIDTH = 60
TABLE_SYMBOLS = {2: "diamond", 4: "diamond", 5: "diamond-open", 6: "diamond-wide-open"}
"""The published tables and the sign of each; 2 is COCO and 4 MPII, never in one figure."""


def front_figure(study: StudyRecord, cost: str, score: str, published: Sequence[PublishedNetwork] = ()) -> go.Figure:
    """One accuracy against one cost: the front stands out, dominated trials fade, stopped ones are there on request.

    The line is the best score at each cost among the trials; a trial may be on the front of all objectives without being
    on the line of these two.
    """
    front = front_of(study)
    numbers = {record.number for record in front}
    rest = [record for record in scored(study) if record.number not in numbers]
    stopped = [record for record in study.trials if record.status == "stopped"]
    figure = go.Figure()
    figure.add_scatter(
        **_points(study, stopped, cost, score),
        name="stopped early (scored after fewer epochs)",
        marker={"symbol": "triangle-down-open", "color": GREY, "size": 9},
        visible="legendonly",
    )
    figure.add_scatter(
        **_points(study, rest, cost, score),
        name="dominated",
        marker={"symbol": "circle-open", "color": GREY, "size": 8, "line": {"width": 1.5}},
        opacity=0.75,
    )
    steps = step_line([(record.values[cost], record.values[score]) for record in front])
    figure.add_scatter(
        x=[x for x, _ in steps],
        y=[y for _, y in steps],
        mode="lines",
        line={"color": VERMILLION, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    numbered = len(front) <= MAX_NUMBERED
    figure.add_scatter(
        **_points(study, front, cost, score) | ({"mode": "markers+text"} if numbered else {}),
        texttemplate="%{customdata}" if numbered else None,
        textposition="top left",
        name="on the front (with trial numbers)" if numbered else "on the front",
        marker={"symbol": "circle", "color": VERMILLION, "size": 12},
    )
    for table, symbol in TABLE_SYMBOLS.items():
        _add_published(figure, [network for network in published if network.table == table], cost, score, table, symbol)
    return _laid_out(figure, quantity(cost), quantity(score))


def hypervolume_figure(curve: pd.DataFrame, against: str) -> go.Figure:
    """The covered fraction of the objective space against ``trials`` or ``seconds`` of compute."""
    unit, label = (1.0, "trials") if against == "trials" else _time_unit(float(curve["seconds"].max()))
    figure = go.Figure()
    figure.add_scatter(
        x=[0.0, *(float(value) / unit for value in curve[against])],
        y=[0.0, *(float(value) for value in curve["hypervolume"])],
        mode="lines",
        line={"color": BLUE, "width": 2.5, "shape": "hv"},
        hovertemplate=f"%{{x:.4g}} {label}<br>hypervolume %{{y:.4f}}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(rangemode="tozero")
    return _laid_out(figure, label if against == "trials" else f"compute ({label})", "hypervolume")


def curves_figure(study: StudyRecord, metric: str) -> go.Figure:
    """One metric of every trial against its epochs; up to five of the front are named, best to worst, the others grey."""
    front = [record for record in front_of(study) if _curve(record, metric)]
    for name in costs_and_scores(study.objectives)[1][:1]:
        front.sort(key=lambda record: -record.values[name])
    named = _spread(front, MAX_NAMED_CURVES)
    numbers = {record.number for record in named}
    figure = go.Figure()
    xs: list[float | None] = []
    ys: list[float | None] = []
    texts: list[str] = []
    for record in study.trials:
        points = _curve(record, metric)
        if record.number in numbers or not points:
            continue
        xs += [*(x for x, _ in points), None]
        ys += [*(y for _, y in points), None]
        texts += [f"trial {record.number}, {record.status}"] * (len(points) + 1)
    if xs:
        figure.add_scatter(
            x=xs,
            y=ys,
            text=texts,
            name="other trials",
            mode="lines+markers",
            opacity=0.55,
            line={"color": GREY, "width": 1},
            marker={"size": 4},
            hovertemplate="%{text}<br>epoch %{x}: %{y:.4f}<extra></extra>",
        )
    for index, record in enumerate(named):
        points = _curve(record, metric)
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            name=f"trial {record.number}",
            mode="lines+markers",
            line={"color": CURVE_COLORS[index], "width": 2, "dash": DASHES[index]},
            marker={"symbol": SYMBOLS[index], "size": 8},
            hovertemplate=f"trial {record.number}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
        )
    return _laid_out(figure, "epoch", quantity(metric))


def curve_metrics(study: StudyRecord) -> list[str]:
    """The metrics worth a figure of learning curves: the accuracy objectives that some epoch has, then the loss."""
    names = [*costs_and_scores(study.objectives)[1], "loss"]
    return [name for name in names if any(_curve(record, name) for record in study.trials)]


def step_line(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of the line "best score so far" over points (cost, score): flat, then up at a better point."""
    corners: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if corners and y <= corners[-1][1]:
            continue
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return corners


def describe(record: TrialRecord, varied: Sequence[str]) -> str:
    """What a reader sees on pointing at a trial: name, quantities, parameters; escaped, with plotly's line breaks."""
    parameters = parameter_words(record.parameters, varied)
    values = [f"{quantity(name)}: {format_value(name, value)}" for name, value in record.values.items()]
    head = f"<b>trial {record.number}</b> ({record.status})"
    return "<br>".join([head, f"architecture {record.arch.arch_id}", *values, *_wrapped(parameters)])


def _points(study: StudyRecord, trials: Sequence[TrialRecord], cost: str, score: str) -> dict[str, Any]:
    known = [record for record in trials if cost in record.values and score in record.values]
    varied = varied_parameters(study.trials)
    return {
        "x": [record.values[cost] for record in known],
        "y": [record.values[score] for record in known],
        "text": [describe(record, varied) for record in known],
        "customdata": [record.number for record in known],
        "mode": "markers",
        "hovertemplate": "%{text}<extra></extra>",
    }


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
        textposition=["top left" if network.arch.stem == "dgc" else "bottom left" for network in known],
        name=f"published (Dite-HRNet paper, Table {table})",
        marker={"symbol": symbol, "color": BLUE, "size": 11},
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _curve(record: TrialRecord, metric: str) -> list[tuple[float, float]]:
    return [
        (point["epoch"], point[metric])
        for point in record.curve
        if "epoch" in point and math.isfinite(point.get(metric, math.nan))
    ]


def _spread(records: Sequence[TrialRecord], count: int) -> list[TrialRecord]:
    """At most ``count`` of the records, the ends among them."""
    if len(records) <= count:
        return list(records)
    return [records[round(index * (len(records) - 1) / (count - 1))] for index in range(count)]


def _time_unit(seconds: float) -> tuple[float, str]:
    if seconds < 600:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 36_000 else (3600.0, "hours")


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for part in text.split("; ") if text else []:
        if line and len(line) + len(part) > HOVER_WIDTH:
            lines.append(line)
            line = part
        else:
            line = f"{line}; {part}" if line else part
    return [escape(entry) for entry in [*lines, line] if entry]


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
