"""Why trials were stopped early, in words."""

from __future__ import annotations

from analysis.report.page import report_html
from analysis.report.sections.progress import reasons
from analysis.study.records import StudyRecord, trials_table
from analysis.study.stopping import StopReasons
from dite_search.monitor.progress_table import describe_trial
from tests.analysis.studies import study, trial


def scored(number: int, *scores: float, status: str = "stopped", **changes: object) -> object:
    """A trial whose network grows with its number, up to 3, with an accuracy after each epoch."""
    curve = [{"epoch": float(epoch), "ap_gt": score} for epoch, score in enumerate(scores, start=1)]
    metrics = {"ap_gt": scores[-1]} if status == "complete" else {}
    return trial(number, status=status, curve=curve, metrics=metrics, **changes)


def made_up(*more: object) -> StudyRecord:
    trials = [
        scored(0, 0.3, 0.4, 0.5, status="complete"),
        scored(1, 0.2),
        scored(2, 0.4, 0.5, status="running"),
        scored(3, 0.35),
        trial(9, status="stopped", reason="below the median of epoch 3"),
        *more,
    ]
    return study(trials, objectives=("ap_gt", "mmacs"))  # type: ignore[arg-type]


def test_a_stop_says_how_many_went_on_and_who_was_better_at_its_cost() -> None:
    found = made_up()
    told = StopReasons(found)
    assert [told.of(record) for record in found.trials] == [
        "",
        "stopped at epoch 1: 2 of 4 went on; better at its cost: trial 0",
        "",
        "stopped at epoch 1: 2 of 4 went on; better at its cost: trial 2",
        "below the median of epoch 3",
    ]
    assert told.beside_status(found.trials[1]).startswith("at epoch 1: ")


def test_many_better_ones_are_counted() -> None:
    found = made_up(*(scored(number, 0.5, status="waiting") for number in range(12, 40, 4)))
    assert StopReasons(found).of(found.trials[1]) == (
        "stopped at epoch 1: 9 of 11 went on; better at its cost: trials 0, 12, 16 and 5 more"
    )


def test_what_is_not_known_is_not_said() -> None:
    alone = study([scored(0, 0.3)], objectives=("ap_gt", "mmacs"))  # type: ignore[list-item]
    assert StopReasons(alone).of(alone.trials[0]) == "stopped at epoch 1"
    unmeasured = study([scored(0, 0.3), scored(1, 0.2)])  # type: ignore[list-item]
    assert StopReasons(unmeasured).of(unmeasured.trials[0]) == "stopped at epoch 1"
    earlier = study([scored(0, 0.3, origin="trial 3 of x")])  # type: ignore[list-item]
    assert StopReasons(earlier).of(earlier.trials[0]) == ""


def test_the_report_and_the_lines_of_a_search_say_it_and_the_table_keeps_what_was_recorded() -> None:
    found = made_up()
    page = report_html(found)
    assert "at epoch 1: 2 of 4 went on; better at its cost: trial 0" in page
    assert ("stopped", "stopped at epoch 1: 2 of 4 went on", 2, 1) in reasons(found)
    assert describe_trial(found.trials[3], found).startswith(
        "trial 3 stopped (at epoch 1: 2 of 4 went on; better at its cost: trial 2): network "
    )
    assert "went on" not in trials_table(found.trials, objectives=found.objectives).to_csv()
