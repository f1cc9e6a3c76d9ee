"""The report of a study: one HTML page that opens anywhere, the front as a picture, and the trials as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.comparison import comparison_table
from analysis.figures import curve_metrics, curves_figure, front_figure, hypervolume_figure
from analysis.front_png import write_front_png
from analysis.pareto import REFERENCE_MARGIN, costs_and_scores, front_of, hypervolume_curve, scored
from analysis.published import published_for
from analysis.summary import recommendations, reference_words, status_counts, summary
from analysis.trials import StudyRecord, TrialRecord, trials_table
from analysis.words import (
    CONVENTIONS,
    flattened,
    format_seconds,
    format_value,
    parameter_words,
    quantity,
    varied_parameters,
)
from search_spaces.files import atomic_path, write_text

HTML_FILE, PNG_FILE, CSV_FILE = "report.html", "front.png", "trials.csv"
MARKS = {"complete": "●", "stopped": "▽", "failed": "✕", "running": "…", "waiting": "‖"}
"""A sign for each status, so that it is not told by colour."""
STATIC_COLUMNS = ("mmacs", "params", "latency_ms")


@dataclass(frozen=True, kw_only=True)
class Report:
    """The files of a report."""

    html: Path
    png: Path
    csv: Path


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure with its place and its words on the page; ``alt`` says what is seen to who cannot see it."""

    key: str
    title: str
    caption: str
    alt: str
    figure: go.Figure

    @property
    def json(self) -> Markup:
        """The figure as JSON that may stand inside a script element."""
        text: str = self.figure.to_json()
        for sign in "<>&\u2028\u2029":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        return Markup(text)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial in the table of all trials, as text."""

    number: int
    mark: str
    status: str
    reason: str
    values: tuple[str, ...]
    epochs: int
    time: str
    arch_id: str
    parameters: str


def write_report(study: StudyRecord, directory: Path) -> Report:
    """Write ``report.html``, ``front.png`` and ``trials.csv`` into ``directory``, each whole or not at all."""
    report = Report(html=directory / HTML_FILE, png=directory / PNG_FILE, csv=directory / CSV_FILE)
    with atomic_path(report.csv) as path:
        trials_table(study.trials).to_csv(path, index=False)
    with atomic_path(report.png) as path:
        write_front_png(study, path)
    write_text(report.html, report_html(study))
    return report


def report_html(study: StudyRecord) -> str:
    """The page: everything it needs is inside it, and its content policy forbids the browser to load anything else."""
    source = resources.files("analysis").joinpath("templates", "report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(quantity=quantity, format_value=format_value)
    front = front_of(study)
    charts = front_charts(study)
    progress = [*hypervolume_charts(study), *curve_charts(study)]
    return environment.from_string(source).render(
        study=study,
        summary=summary(study),
        counts=status_counts(study),
        recommended=recommendations(study),
        columns=table_columns(study),
        front_numbers={record.number for record in front},
        comparison=comparison_table(study),
        charts=charts,
        progress=progress,
        rows=rows(study),
        protocol=flattened(study.protocol),
        provenance=flattened(study.provenance),
        conventions=[(quantity(name) if name != "AP" else name, text) for name, text in CONVENTIONS.items()],
        plotly=Markup(get_plotlyjs()) if charts or progress else "",
    )


def table_columns(study: StudyRecord) -> list[str]:
    """The quantities shown of each trial: the objectives, then the costs that some trial has."""
    known = {name for record in study.trials for name in record.values}
    return list(dict.fromkeys([*study.objectives, *(name for name in STATIC_COLUMNS if name in known)]))


def rows(study: StudyRecord) -> list[Row]:
    """Every trial, in order of number."""
    columns, varied = table_columns(study), varied_parameters(study.trials)
    return [
        Row(
            number=record.number,
            mark=MARKS[record.status],
            status=record.status,
            reason=record.reason,
            values=tuple(_shown(record, name) for name in columns),
            epochs=len(record.curve),
            time=format_seconds(record.seconds),
            arch_id=record.arch.arch_id,
            parameters=parameter_words(record.parameters, varied),
        )
        for record in sorted(study.trials, key=lambda record: record.number)
    ]


def front_charts(study: StudyRecord) -> list[Chart]:
    """The first accuracy against each cost objective, where there is a trial to show."""
    costs, scores = costs_and_scores(study.objectives)
    if not scored(study) or not scores:
        return []
    published = published_for(study)
    epochs = " or ".join(map(str, sorted({network.epochs for network in published})))
    note = f" Blue diamonds are published networks of the same test protocol, trained for {epochs} epochs." if epochs else ""
    return [
        Chart(
            key=f"front-{cost}",
            title=f"{quantity(scores[0])} against {quantity(cost)}",
            caption="Up and to the left is better. The line is the best accuracy that was had at each cost. Point at a "
            f"trial for its parameters; tap a name in the legend to hide or show it.{note}",
            alt=_front_alt(study, cost, scores[0]),
            figure=front_figure(study, cost, scores[0], published),
        )
        for cost in costs
    ]


def hypervolume_charts(study: StudyRecord) -> list[Chart]:
    """How the search went, against trials and against compute."""
    if not scored(study):
        return []
    curve = hypervolume_curve(study)
    caption = (
        f"Hypervolume is the share of the space between {reference_words(study)} and AP 1 at no cost that the front "
        f"covers; the margin of {REFERENCE_MARGIN:g} lets the dearest trial count. A line that has gone flat says that more "
        "trials of the same kind bring little."
    )
    ending = f"It rises to {curve['hypervolume'].iloc[-1]:.4f}."
    titles = {"trials": "Hypervolume against trials", "seconds": "Hypervolume against compute spent"}
    captions = {
        "trials": caption,
        "seconds": "The same against the time of all trials added up, failed and stopped ones included.",
    }
    return [
        Chart(
            key=f"hypervolume-{against}",
            title=title,
            caption=captions[against],
            alt=f"{title}. {ending}",
            figure=hypervolume_figure(curve, against),
        )
        for against, title in titles.items()
    ]


def curve_charts(study: StudyRecord) -> list[Chart]:
    """Learning curves, one figure a metric."""
    front = front_of(study)
    return [
        Chart(
            key=f"curves-{index}",
            title=f"Learning curves: {quantity(metric)}",
            caption="Trials of the front by name (at most five), the others in grey." if front else "All trials in grey.",
            alt=f"{quantity(metric)} of each trial after each epoch; the last values are in the table of all trials.",
            figure=curves_figure(study, metric),
        )
        for index, metric in enumerate(curve_metrics(study))
    ]


def _shown(record: TrialRecord, name: str) -> str:
    """A value as text; a trial that is not complete has no accuracy to compare, so what it has is put in brackets."""
    text = format_value(name, record.values.get(name))
    return f"({text})" if record.status != "complete" and name in record.metrics else text


def _front_alt(study: StudyRecord, cost: str, score: str) -> str:
    points = ", ".join(
        f"{format_value(score, record.values[score])} at {format_value(cost, record.values[cost])}"
        for record in sorted(front_of(study), key=lambda record: record.values[cost])
    )
    return f"{quantity(score)} against {quantity(cost)} of {len(scored(study))} trials; on the front: {points}."
