"""The parts of a page."""

from __future__ import annotations

import json

import plotly.graph_objects as go

from analysis.report.elements.section import Chart, Table


def test_all_columns_but_the_names_are_numbers() -> None:
    table = Table(title="t", columns=("network", "AP", "MMACs"), rows=[("a", "0.5", "2")])
    assert list(table.numbers) == [1, 2]


def test_a_figure_is_json_that_ends_no_script() -> None:
    figure = go.Figure(go.Scatter(x=[1], y=[2], name="</script><b>"))
    text = str(Chart(key="k", title="t", caption="c", alt="a", figure=figure).json)
    assert "<" not in text
    assert json.loads(text)["data"][0]["name"] == "</script><b>"
