"""Options of a report: given ones go before those of the last report."""

from __future__ import annotations

import pytest

from dite_search.housekeeping.report_options import FILE, ReportOptions, chosen_options, keep_options, last_options
from search_spaces.common.errors import InvalidInput

LAST = ReportOptions(limits=("mmacs <= 20", "params <= 2M"), intervals=True, pictures=True)


def chosen(last=LAST, *, limits=(), no_budget=False, intervals=None, pictures=None) -> ReportOptions:
    return chosen_options(last, limits=limits, no_budget=no_budget, intervals=intervals, pictures=pictures)


def test_what_is_not_given_is_that_of_the_last_report():
    assert chosen() == LAST
    assert chosen(pictures=False) == ReportOptions(limits=LAST.limits, intervals=True)
    assert chosen(limits=("mmacs <= 5",)).limits == ("mmacs <= 5",)
    assert chosen(no_budget=True, intervals=False, pictures=False) == ReportOptions()
    assert chosen(ReportOptions(), intervals=True) == ReportOptions(intervals=True)
    with pytest.raises(InvalidInput, match="--budget and --no-budget must not be given together"):
        chosen(limits=("mmacs <= 5",), no_budget=True)


def test_one_line_says_what_is_kept_and_how_it_is_left_out():
    assert chosen().sentence(ReportOptions()) == (
        "Kept from the last report: --budget 'mmacs <= 20' --budget 'params <= 2M' --intervals --pictures"
        " (left out by --no-budget --no-intervals --no-pictures)"
    )
    asked = ReportOptions(limits=("mmacs <= 5",), pictures=True)
    assert chosen(limits=asked.limits, pictures=True).sentence(asked) == (
        "Kept from the last report: --intervals (left out by --no-intervals)"
    )
    assert ReportOptions().sentence(ReportOptions()) == ""


def test_options_are_kept_in_the_folder_of_the_study(tmp_path):
    assert last_options(tmp_path) == ReportOptions()
    keep_options(tmp_path, LAST)
    assert last_options(tmp_path) == LAST
    keep_options(tmp_path / "gone", LAST)
    for text, rule in (("{", "must be JSON, or be removed, but: "), ("[]", "must hold the options of a report")):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(InvalidInput, match=f"{FILE} {rule}"):
            last_options(tmp_path)
