"""The files of a report, and its page put together from the sections."""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.comparison.published_baselines import comparison_table
from analysis.pareto.budget_filter import front_within
from analysis.pareto.recommendations import status_counts, summary
from analysis.report.elements.options import Setup
from analysis.report.elements.script import script_json
from analysis.report.elements.section import Chart
from analysis.report.front_png import write_front_png
from analysis.report.markdown import markdown
from analysis.report.page_data import last_values, page_data
from analysis.report.sections.foretold import foretold_section
from analysis.report.sections.front import better_side, front_axes
from analysis.report.sections.importance import what_matters
from analysis.report.sections.noise import noise_of, noise_section, uncertainty
from analysis.report.sections.progress import progress_charts, reasons, saved_words, tallies
from analysis.report.sections.provenance import protocol_pairs, provenance_pairs
from analysis.report.sections.recommendations import budget_words, cards, quantities
from analysis.study.labels import (
    AP,
    conventions,
    families_of,
    format_seconds,
    number_words,
    parameter_words,
    quantity,
    varied_parameters,
)
from analysis.study.records import StudyRecord, TrialRecord, trials_table
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from analysis.templates import template_environment, template_text
from search_spaces.common.files import atomic_path, check_output, write_text
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores, format_value

SCRIPTS = ("words", "front", "inflate", "figures", "paper", "budget", "table", "trial", "start")
HTML_FILE, MARKDOWN_FILE, PNG_FILE, CSV_FILE = "report.html", "summary.md", "front.png", "trials.csv"
STATIC_ROWS = 100
"""Trials that the page shows without its script."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The files of a report."""

    html: Path
    markdown: Path
    png: Path
    csv: Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial in a table, as text."""

    number: int
    mark: str
    status: str
    reason: str
    values: tuple[str, ...]
    epochs: int
    time: str
    taken: str
    arch_id: str
    parameters: str
    uncertainty: str


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """The contents of the files of a report."""

    html: str
    markdown: str
    png: bytes
    csv: str


_made_last: list[tuple[StudyRecord, Setup, ReportContent]] = []
"""The report that was made last, with what it was made of."""

MAX_CHARACTERS = 4_990_000
"""Of a page with pictures of people: 5 MB, and room for the note that some were left out."""


def write_report(study: StudyRecord, directory: Path, setup: Setup | None = None) -> Report:
    """Write the four files of a report into ``directory``, each whole or not at all."""
    content, report = report_content(study, setup or Setup()), _files_in(directory)
    with atomic_path(report.png) as path:
        path.write_bytes(content.png)
    write_text(report.csv, content.csv)
    write_text(report.markdown, content.markdown)
    write_text(report.html, content.html)
    return report


def report_content(study: StudyRecord, setup: Setup) -> ReportContent:
    """Return the contents of the files of a report. They are made once where the same are asked for twice in a row."""
    # At the end of a search, MLflow gets the report that is also written into the study's folder.
    if _made_last and setup.people is None and _made_last[0][:2] == (study, setup):
        return _made_last[0][2]
    picture = io.BytesIO()
    write_front_png(study, picture, setup.budget)
    made = ReportContent(
        html=_within_size(study, setup, picture=picture.getvalue()),
        markdown=markdown(study, setup),
        png=picture.getvalue(),
        csv=trials_table(study.trials, objectives=study.objectives).to_csv(index=False),
    )
    _made_last[:] = [(study, setup, made)] if setup.people is None else []
    return made


def check_report_place(directory: Path) -> None:
    """Refuse, with InvalidInput, a folder that cannot take a report, before pictures and intervals are made for it."""
    check_output(directory, is_folder=True)
    for path in dataclasses.astuple(_files_in(directory)):
        check_output(path)


def _files_in(directory: Path) -> Report:
    return Report(
        html=directory / HTML_FILE,
        markdown=directory / MARKDOWN_FILE,
        png=directory / PNG_FILE,
        csv=directory / CSV_FILE,
    )


def _within_size(study: StudyRecord, setup: Setup, *, picture: bytes) -> str:
    """The page, with fewer pictures of people where it would be larger than it may be."""
    page = report_html(study, setup, picture=picture)
    if setup.people is None or len(page) <= MAX_CHARACTERS:
        return page
    # It takes torch with it, which whoever has pictures of people has loaded.
    from analysis.report.sections.people import fitted

    people = fitted(setup.people, max(0, setup.people.size - (len(page) - MAX_CHARACTERS)))
    return report_html(study, dataclasses.replace(setup, people=people), picture=picture)


def report_html(study: StudyRecord, setup: Setup | None = None, *, picture: bytes = b"") -> str:
    """The page: everything it needs is inside it, and its content policy forbids the browser to load anything else.

    ``picture`` is the front as a PNG, for readers whose browser runs no script.
    """
    setup = setup or Setup()
    environment = template_environment("analysis")
    environment.globals.update(quantity=quantity, format_value=format_value, number_words=number_words)
    front = front_within(study, setup.budget)
    noise = noise_of(study, setup)
    sure = uncertainty(study, setup, noise)
    axes = front_axes(study)
    progress = progress_charts(study, setup)
    matters, seeds = what_matters(study), noise_section(study, setup, noise)
    charts: list[Chart] = [*progress, *matters.charts, *seeds.charts]
    return environment.get_template("report/page.html").render(
        study=study,
        summary=summary(study, setup.budget),
        budget=budget_words(study, setup),
        cards=cards(study, setup, sure),
        legends=[family.legend for family in families_of(study) if family.legend],
        columns=quantities(study),
        front=rows(study, front, sure),
        axes=axes,
        comparison=comparison_table(study),
        tallies=tallies(study, setup),
        saved=saved_words(study, setup),
        reasons=reasons(study),
        progress=progress,
        matters=matters,
        noise=seeds,
        foretold=foretold_section(study, setup),
        people=setup.people,
        charts=charts,
        counts=status_counts(study),
        marks={status.value: status.mark for status in TrialStatus},
        front_numbers={record.number for record in front},
        rows=rows(study, sorted(study.trials, key=lambda record: record.number)[:STATIC_ROWS], sure),
        any_taken=any(record.weights_taken is not None for record in study.trials),
        better_side=better_side(study),
        is_fraction=all(OBJECTIVES[name].highest == 1 for name in costs_and_scores(study.objectives)[1]),
        protocol=protocol_pairs(study),
        provenance=provenance_pairs(study, setup),
        conventions=conventions_of(study),
        picture=Markup(base64.b64encode(picture).decode()),
        style=Markup(template_text("analysis", "report/page.css")),
        script=Markup(page_script()),
        data=script_json(page_data(study, setup, sure)) if study.trials else "",
        plotly=Markup(packed_plotly()) if axes or charts else "",
    )


def conventions_of(study: StudyRecord) -> list[tuple[str, str]]:
    """Return the quantities that the study has, each with the convention behind it, and AP where one builds on it."""
    shown = {*study.objectives, *(name for record in study.trials for name in record.values)}
    if any(OBJECTIVES[name].convention.startswith(f"{AP} ") for name in shown):
        shown.add(AP)
    return [(quantity(name), text) for name, text in conventions().items() if name in shown]


def page_script() -> str:
    """The page's script: its parts in their order, as one function."""
    parts = "\n".join(template_text("analysis", f"report/{part}.js") for part in SCRIPTS)
    return f'(function () {{\n"use strict";\n{parts}}})();\n'


@functools.cache
def packed_plotly() -> str:
    """plotly.js, a third of its size: gzip in base64, which the page unpacks."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def rows(study: StudyRecord, trials: Sequence[TrialRecord], uncertainty: dict[int, str]) -> list[Row]:
    """Trials as the rows of a table."""
    columns, varied, stops = quantities(study), varied_parameters(study.trials), StopReasons(study)
    return [
        Row(
            number=record.number,
            mark=record.status.mark,
            status=record.status,
            reason=stops.beside_status(record),
            values=tuple(_shown(record, name) for name in columns),
            epochs=len(record.curve),
            time=format_seconds(record.seconds),
            taken="–" if record.weights_taken is None else f"{record.weights_taken:.1%}",
            arch_id=record.arch.arch_id,
            parameters=parameter_words(record.parameters, varied),
            uncertainty=uncertainty.get(record.number, ""),
        )
        for record in trials
    ]


def _shown(record: TrialRecord, name: str) -> str:
    """A value as text; a trial that is not complete has no accuracy to compare, so what it has is put in brackets."""
    text = format_value(name, last_values(record).get(name))
    is_lower = record.status is not TrialStatus.COMPLETE and name not in record.cost.objectives
    return f"({text})" if is_lower and text != "–" else text
