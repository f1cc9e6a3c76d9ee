"""A part of the page that is words, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.report.charts import Chart


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
class Section:
    """Sentences, then tables, then figures."""

    words: Sequence[str]
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
