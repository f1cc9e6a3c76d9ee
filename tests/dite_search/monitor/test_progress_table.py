"""The display for a user while a search runs."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from analysis.study.records import StudyRecord, TrialRecord
from dite_search.monitor.progress_table import Progress, front_table, pause_words, trials_panel
from search_spaces.registry import cost_of, preset


@pytest.fixture
def study(tmp_path):
    def trial(number, status, ap=None, **fields):
        arch = preset("dite_hrnet_18" if number % 2 else "lite_hrnet_30")
        metrics = {} if ap is None else {"ap_gt": ap}
        return TrialRecord(number=number, status=status, arch=arch, cost=cost_of(arch), metrics=metrics, **fields)

    trials = [
        trial(0, "complete", 0.5),
        trial(1, "complete", 0.4),
        trial(2, "complete", 0.3),
        trial(3, "failed", reason="NonFiniteLossError: loss is not finite"),
        trial(4, "running", curve=[{"epoch": 1, "loss": 0.1, "ap_gt": 0.123}]),
    ]
    return StudyRecord(name="s", directory=tmp_path, objectives=("ap_gt", "mmacs"), trials=trials)


def shown(renderable, *, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def test_the_table_marks_the_front_and_gives_reasons(study):
    text = shown(trials_panel(study, "", epochs=8))
    rows = [line for line in text.splitlines() if "│" in line]
    assert sum("★" in row for row in rows) == 2
    assert any("NonFiniteLossError: loss is not finite" in row for row in rows)
    assert any("0.123" in row and "1/8" in row and "running" in row for row in rows)


def test_the_front_stands_cheapest_first(study):
    text = shown(front_table(study))
    assert text.index("0.400") < text.index("0.500")
    assert "0.300" not in text


def test_outside_a_terminal_each_finished_trial_is_one_line_once(study):
    console = Console(file=io.StringIO(), width=200)
    with Progress(console, trials=5, epochs=8) as progress:
        progress.update(study)
        progress.update(study)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 4
    assert "trial 3 failed (NonFiniteLossError: loss is not finite)" in lines[3]
    assert all(line.startswith("[4/5 trials, 0m00s]") for line in lines)


def test_a_long_reason_squeezes_no_number_and_is_no_markup(study):
    reason = "[/bold] RuntimeError: \x1b[31m" + "a long story " * 30
    study = dataclasses.replace(study, trials=[*study.trials, dataclasses.replace(study.trials[3], number=5, reason=reason)])
    text = shown(trials_panel(study, "", epochs=8), width=80)
    (row,) = (line for line in text.splitlines() if "[/bold] R" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:6] == [
        "✕",
        "5",
        preset("dite_hrnet_18").arch_id,
        "–",
        "199.4",
        "0/8",
    ]
    console = Console(file=io.StringIO(), width=80)
    with Progress(console, trials=6, epochs=8) as progress:
        progress.update(study)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 5, "a line is not folded"
    assert "failed ([/bold] RuntimeError: �[31ma long story" in lines[4]


def test_a_line_tells_the_time_that_passed_and_the_time_that_is_left(study):
    console, clock = Console(file=io.StringIO(), width=200), iter([100.0, 3790.0])
    with Progress(console, trials=5, epochs=8, clock=lambda: next(clock)) as progress:
        progress.update(study, left="at most about 2.5 h left")
    assert console.file.getvalue().startswith("[4/5 trials, 1h01m, at most about 2.5 h left]  trial 0 complete")


@pytest.mark.parametrize(
    ("left", "asked", "begun", "words"),
    [
        (1, 1, 1, "1 of 1 trial is left, 1 of them begun"),
        (7, 10, 0, "7 of 10 trials are left, none of them begun"),
        (7, 10, 2, "7 of 10 trials are left, 2 of them begun"),
    ],
)
def test_a_paused_search_says_how_much_is_left_and_how_to_go_on(study, left, asked, begun, words):
    waiting = [dataclasses.replace(study.trials[4], number=10 + number, status="waiting") for number in range(begun)]
    paused = dataclasses.replace(study, trials=[*study.trials[:4], *waiting])
    assert pause_words(paused, left=left, asked=asked) == (
        f"Paused; to go on:  dite-search resume {study.directory}\n{words}"
    )
