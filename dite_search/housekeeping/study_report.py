"""The report of a study with what its reader asks for: limits, intervals over images, pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from analysis.pareto.budget_filter import front_within
from analysis.report import Report, Setup, check_report_place, write_report
from analysis.study.records import StudyRecord
from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import data_of
from dite_search.spending.state import budget_state
from dite_search.tracking.pages import report_setup
from search_spaces.common.follow import UNSEEN, Follow

REPORT_FOLDER = "report"
"""The folder of a report below the study's."""


def write_study_report(
    config: SearchConfig,
    study: StudyRecord,
    *,
    limits: Sequence[str] = (),
    intervals: bool = False,
    pictures: bool = False,
    output: Path | None = None,
    now: float,
    followed: Callable[[str], Follow] = lambda what: UNSEEN,
    waiting: Callable[[str], AbstractContextManager[None]] = nullcontext,  # type: ignore[assignment]
) -> Report:
    """Write the report of a study, and return the paths of its files.

    Args:
        config: The search.
        study: Its trials.
        limits: The limits of the reader, in place of the search's own.
        intervals: Whether networks of the front predict once more, for intervals of their accuracy over images.
        pictures: Whether recommended networks are shown on validation photographs.
        output: The folder of the report, in place of `REPORT_FOLDER`.
        now: Seconds since 1970, from which on what is left of a budget counts.
        followed: Returns, for words on what is done, a function that yields items again and shows how far the work is.
        waiting: Returns, for such words, a block that shows that the work goes on.

    Raises:
        InvalidInput: a limit cannot be read, the data are missing, or the folder cannot be written.
    """
    setup = report_setup(config, tuple(limits), state=budget_state(config, study, now))
    place = output or study.directory / REPORT_FOLDER
    check_report_place(place)
    if intervals:
        setup = _with_intervals(config, study, setup, followed("Intervals of the front"))
    if pictures:
        setup = _with_pictures(config, study, setup, followed("Networks in pictures"))
    with waiting("Writing the report"):
        return write_report(study, place, setup)


def _with_intervals(config: SearchConfig, study: StudyRecord, setup: Setup, follow: Follow) -> Setup:
    # The import takes a second, and few reports need it.
    from analysis.report.sections.noise import image_intervals

    front = front_within(study, setup.budget)
    found = image_intervals(study, front, data_of(config), flip_test=config.train_config.flip_test, follow=follow)
    return dataclasses.replace(setup, intervals=found)


def _with_pictures(config: SearchConfig, study: StudyRecord, setup: Setup, follow: Follow) -> Setup:
    from analysis.report.sections.people import people_in_pictures

    found = people_in_pictures(study, setup, data_of(config), flip_test=config.train_config.flip_test, follow=follow)
    return dataclasses.replace(setup, people=found)
