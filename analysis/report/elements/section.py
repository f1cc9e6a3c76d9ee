"""A part of the page: its words, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from markupsafe import Markup

from analysis.report.elements.script import script_safe


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as text, the first of each row its name; ``numbers`` are the columns to be set to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def numbers(self) -> range:
        """All columns but the names."""
        return range(1, len(self.columns))


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure of the page; ``alt`` says what is seen to who cannot see it."""

    key: str
    title: str
    caption: str
    alt: str
    figure: go.Figure

    @property
    def json(self) -> Markup:
        """The figure as JSON that may stand inside a script element."""
        return script_safe(self.figure.to_json())


@dataclass(frozen=True, kw_only=True)
class Section:
    """Sentences, then tables, then figures."""

    words: Sequence[str]
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
