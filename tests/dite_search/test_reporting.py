"""``dite-search report``: what its options put on the page."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from dite_search.housekeeping.report_options import FILE
from search_spaces.common.objectives import format_value
from search_spaces.registry import cost_of
from tests.dite_search.commands import refused, run
from tests.dite_search.tasks import test_model_reference

compared = test_model_reference.compared
INTERVAL = r"\d\.\d{3} to \d\.\d{3} over images"


@pytest.fixture
def report(compared, tmp_path):
    """Run the command on the study with some options: what it said, and its page."""
    output = tmp_path / "out"
    (compared.study_directory / FILE).unlink(missing_ok=True)

    def written(*options: str) -> tuple[str, str]:
        done = run("report", "small", "--directory", compared.directory, "--output", output, *options)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output, (output / "report.html").read_text()

    return written


@pytest.mark.slow
def test_a_report_with_people(report):
    assert "People in pictures" not in report()[1]
    text = report("--pictures")[1]
    assert '<section id="people">' in text
    assert "Fix first: " in text
    assert "data:image/webp;base64," in text
    assert len(text) < 5_000_000


@pytest.mark.slow
def test_a_report_under_a_budget_of_its_own(compared, report):
    space = compared.search_space
    cheap, dear = sorted(cost_of(space.build(point)).mmacs for point in islice(space.points(), 2))
    limit = (cheap + dear) / 2
    assert "No budget" in report()[1]
    shown = f"MMACs at most {format_value('mmacs', limit)} and parameters at most 2.000 M"
    text = report("--budget", f"mmacs <= {limit}", "--budget", "params <= 2M")[1]
    assert f"Within the budget ({shown}) lie 1 of 2 complete trials" in text
    assert "No complete trial is within the budget (MMACs at most 0.01" in report("--budget", "mmacs <= 0.01")[1]


def test_a_report_keeps_the_options_of_the_last_one(report):
    limits = ("--budget", "mmacs <= 0.01")
    nobody = "No complete trial is within the budget (MMACs at most 0.01"
    said, text = report(*limits)
    assert nobody in text
    assert "Kept from" not in said
    for _ in range(2):
        said, text = report()
        assert nobody in text
        assert "Kept from the last report: --budget 'mmacs <= 0.01' (left out by --no-budget)" in said
    said, text = report("--budget", "params <= 9M")
    assert nobody not in text
    assert "Kept from" not in said
    assert "No budget" in report("--no-budget")[1]
    assert "No budget" in report()[1], "what was left out stays left out"


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ("mmac <= 3", "a limit must be on one of latency_ms, mflops_published, mmacs, mmacs_paper, params, got one on mmac"),
        ("mmacs 3", "mmacs 3"),
    ],
)
def test_a_budget_that_is_none(compared, budget, reason):
    message = refused("report", "small", "--directory", compared.directory, "--budget", budget)
    assert reason in message


def test_an_output_that_cannot_be(compared, tmp_path):
    where = ("report", "small", "--directory", compared.directory, "--output")
    (tmp_path / "file").write_text("")
    assert "file cannot be used: " in refused(*where, tmp_path / "file")
    assert "cannot be used: File name too long" in refused(*where, tmp_path / ("x" * 300))


def test_a_limit_on_what_no_trial_was_measured_in_has_its_name_on_the_page(report):
    text = report("--budget", "latency_ms <= 5")[1]
    assert '"latency_ms": "latency' in text or '"latency_ms":"latency' in text


@pytest.mark.slow
def test_a_report_with_intervals_over_images(report):
    assert not re.search(INTERVAL, report()[1])
    assert re.search(INTERVAL, report("--intervals")[1])


def test_a_place_that_takes_no_report_is_told_before_people_are_predicted(compared, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.report.sections.people.people_in_pictures", lambda *_, **__: pytest.fail("predicted"))
    (tmp_path / "file").write_text("x")
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    words = ("report", "small", "--directory", compared.directory, "--pictures", "--output")
    assert refused(*words, tmp_path / "file") == f"Error: {tmp_path / 'file'} cannot be used: Not a directory"
    assert refused(*words, tmp_path / "out") == f"Error: {tmp_path / 'out' / 'report.html'} cannot be used: Is a directory"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]
