"""The axes of the front."""

from __future__ import annotations

from analysis.report.sections.front import front_axes
from tests.analysis.studies import study, trial


def test_no_axes_without_a_complete_trial() -> None:
    assert front_axes(study([trial(0, status="failed")])) == []
