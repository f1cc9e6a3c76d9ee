"""A figure with its place and its words on the page."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
from markupsafe import Markup

from analysis.report.page_data import script_safe


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
