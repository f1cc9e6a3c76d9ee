"""Templates are read and rendered by one rule."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from analysis.templates import template_environment, template_text


def test_a_template_is_read_as_it_is() -> None:
    assert (
        template_text("analysis", "report/start.js")
        == (
            template_environment("analysis").loader.get_source(None, "report/start.js")[0]  # type: ignore[union-attr,arg-type]
        )
    )


@pytest.mark.parametrize(("autoescape", "expected"), [(True, "a &lt; b"), (False, "a < b")])
def test_values_are_escaped_where_the_text_is_html(autoescape: bool, expected: str) -> None:
    template = template_environment("analysis", autoescape=autoescape).from_string("{{ value }}")
    assert template.render(value="a < b") == expected


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'value' is undefined"):
        template_environment("analysis").from_string("{{ value }}").render()


def test_the_head_of_a_page_escapes_its_title_and_loads_nothing() -> None:
    source = """{% from "head.html" import head %}\n{{ head(title, "style-src 'unsafe-inline'", generator) }}"""
    page = template_environment("analysis").from_string(source).render(title="a <b>", generator="")
    assert page.startswith("<!doctype html>\n")
    assert page.endswith("<title>a &lt;b&gt;</title>")
    assert """content="default-src 'none'; style-src 'unsafe-inline'">""" in page
    assert "generator" not in page
