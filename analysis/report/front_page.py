"""The front as a page of its own, for the runs of a search: a figure for each cost, and a table with links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from analysis.pareto.budget_filter import front_within, within
from analysis.pareto.front import scored
from analysis.pareto.recommendations import axis_costs, summary
from analysis.report.elements.figures import GREY, VERMILLION, front_layout, front_line, published_figure
from analysis.report.elements.options import Setup
from analysis.report.elements.script import script_json, script_safe
from analysis.report.page import packed_plotly
from analysis.report.sections.recommendations import budget_words, quantities
from analysis.study.labels import architecture_outline, number_words, quantity
from analysis.study.published_results import published_for
from analysis.study.records import StudyRecord, TrialRecord
from analysis.templates import template_environment, template_text
from search_spaces.common.objectives import costs_and_scores, format_value


def front_page(study: StudyRecord, setup: Setup, links: Mapping[int, str]) -> str:
    """Return the page; everything that it needs is inside it.

    Args:
        study: The study.
        setup: The options of a report, of which the budget counts.
        links: The address of each trial's run, by number.
    """
    scores = costs_and_scores(study.objectives)[1]
    drawable = bool(scores and scored(study))
    figures = {cost: _figure(study, setup, cost, scores[0]) for cost in axis_costs(study)} if drawable else {}
    environment = template_environment("analysis")
    columns = quantities(study)
    rows = [
        {
            "number": record.number,
            "link": links.get(record.number, ""),
            "values": [format_value(name, record.values.get(name)) for name in columns],
            "outline": architecture_outline(record.arch),
        }
        for record in front_within(study, setup.budget)
    ]
    return environment.get_template("report/front_page.html").render(
        study=study,
        answer=summary(study, setup.budget),
        budget=budget_words(study, setup),
        ended=number_words(study.spent, "trial"),
        figures=[(cost, quantity(cost), script_safe(figure.to_json())) for cost, figure in figures.items()],
        columns=[quantity(name) for name in columns],
        rows=rows,
        links=script_json({str(number): link for number, link in links.items()}),
        style=Markup(template_text("analysis", "report/page.css")),
        script=Markup(template_text("analysis", "report/front_page.js")),
        plotly=Markup(packed_plotly()) if figures else "",
    )


def _figure(study: StudyRecord, setup: Setup, cost: str, score: str) -> Any:
    """Return the figure of the accuracy against one cost: dominated trials first, so that the front lies above them."""
    figure: Any = front_layout(study, cost, score)
    figure.add_traces(published_figure(published_for(study), cost, score).data)
    columns, inside = quantities(study), within(study, setup.budget)
    affordable = {record.number for record in inside.trials}
    front = [record for record in front_within(study, setup.budget) if cost in record.values]
    numbers = {record.number for record in front}
    known = [record for record in scored(study) if cost in record.values]
    rest = [record for record in known if record.number in affordable - numbers]
    beyond = [record for record in known if record.number not in affordable]
    steps = front_line(front, cost, score)

    def points(records: Sequence[TrialRecord], name: str, marker: Mapping[str, Any]) -> None:
        if records:
            figure.add_scatter(
                x=[record.values[cost] for record in records],
                y=[record.values[score] for record in records],
                mode="markers",
                name=name,
                marker=dict(marker),
                customdata=[record.number for record in records],
                text=[_hover(record, columns) for record in records],
                hovertemplate="%{text}<extra></extra>",
            )

    points(rest, "dominated", {"symbol": "circle-open", "color": GREY, "size": 8})
    points(beyond, "beyond the budget", {"symbol": "x-thin-open", "color": GREY, "size": 8})
    figure.add_scatter(
        x=[x for x, _ in steps],
        y=[y for _, y in steps],
        mode="lines",
        line={"color": VERMILLION, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    points(front, "on the front", {"symbol": "circle", "color": VERMILLION, "size": 11})
    return figure


def _hover(record: TrialRecord, columns: Sequence[str]) -> str:
    lines = [f"<b>trial {record.number}</b>"]
    lines += [f"{quantity(name)}: {format_value(name, record.values.get(name))}" for name in columns]
    return "<br>".join([*lines, escape(architecture_outline(record.arch)), "click for its run"])
