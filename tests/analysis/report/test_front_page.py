"""The page of the front: its figures, its table, and the links to runs."""

from __future__ import annotations

import json
import re

from analysis.pareto.front import front_of
from analysis.report import Setup
from analysis.report.front_page import front_page
from search_spaces.space.budget import Budget
from tests.analysis.studies import study, trial

RUN = "http://host:5000/#/experiments/1/runs/abc"


def figures_of(page: str) -> dict[str, dict]:
    found = re.findall(r'<script type="application/json" data-axis="(\w+)">(.*?)</script>', page)
    return {cost: json.loads(text) for cost, text in found}


def test_each_cost_has_a_figure_whose_points_are_trials() -> None:
    page, front = front_page(study(), Setup(), {7: RUN}), {record.number for record in front_of(study())}
    figures = figures_of(page)
    assert set(figures) == {"mmacs", "params", "latency_ms"}
    for figure in figures.values():
        traces = {trace.get("name"): trace for trace in figure["data"] if "customdata" in trace}
        assert set(traces["on the front"]["customdata"]) == front
        assert not front & set(traces["dominated"]["customdata"])
        assert all(text.startswith("<b>trial ") for text in traces["on the front"]["text"])
    assert json.loads(re.search(r'id="links">(.*?)</script>', page)[1]) == {"7": RUN}  # type: ignore[index]
    assert f'<a href="{RUN}" target="_blank" rel="noopener">7</a>' in page


def test_a_budget_leaves_trials_beyond_it() -> None:
    page = front_page(study(), Setup(budget=Budget.parse(["mmacs <= 4"], ("mmacs",))), {})
    names = {trace.get("name") for trace in figures_of(page)["mmacs"]["data"]}
    assert "beyond the budget" in names
    assert "Within the budget" in page


def test_a_search_without_a_result_says_so() -> None:
    page = front_page(study([trial(0, status="running")]), Setup(), {})
    assert "No front to draw yet" in page
    assert "plotly" not in page


def test_text_from_outside_stays_text() -> None:
    assert "<script>evil" not in front_page(study(name="<script>evil</script>"), Setup(), {7: '"><script>evil</script>'})
