"""A frame of a watched search fits its terminal and says what matters."""

from __future__ import annotations

import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from dite_search.monitor.terminal import frame
from search_spaces.common.objectives import format_value
from tests.dite_search.monitor.test_snapshot import DRIVER, NOW, moment_of, steady, trained
from tests.profiles import examples


def shown(moment, *, width: int = 80, **options) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(frame(moment, width=width, **options))
    return console.file.getvalue().splitlines()


def busy(**changes):
    records = [
        *(trained(n, 12) for n in range(3)),
        trained(3, 4, status="failed", reason="OutOfMemoryError: \x1b[31m[bold]no memory[/bold]"),
        trained(4, 5, status="running"),
    ]
    started = {n: NOW - 3600 + 500 * n for n in range(5)}
    return moment_of(records, started, where={4: "gpu-3, process 99"}, **changes)


def test_a_frame_says_who_drives_how_fast_what_runs_and_the_front():
    text = "\n".join(shown(busy()))
    assert "s runs, driven by process 7 on node" in text
    assert "4 of 10 trials ended: 3 complete, 1 failed, 1 running" in text
    assert "45 epochs/h" in text
    assert "about" in text
    assert "gpu-3, process 99" in text
    assert "★ 0" in text
    assert "OutOfMemoryError: �[31m[bold]no" in text, "markup and escapes of a reason stay text"
    assert "\x1b" not in text


def test_a_dead_driver_and_the_way_on_are_told():
    lines = shown(busy(driver=dataclasses.replace(DRIVER, state="gone")))
    assert "stands still: its driver, process 7 on node, is gone" in " ".join(lines)
    assert "To go on:  dite-search resume runs/s" in lines
    assert "cut off" in "\n".join(lines)
    assert "Running" not in "\n".join(lines)


def test_a_database_that_is_away_is_told():
    assert "The study cannot be read just now" in "\n".join(shown(busy(), problem="The study cannot be read just now"))


@given(st.integers(40, 160), st.integers(24, 60), st.integers(0, 30), st.integers(0, 12), st.booleans())
@examples(40)
def test_a_frame_fits_any_terminal(width, height, ended, running, away):
    records = [trained(n, 12) for n in range(ended)]
    records += [trained(ended + n, 1 + n, status="running") for n in range(running)]
    moment = moment_of(records, dict.fromkeys(range(ended + running), NOW - 900), asked=50)
    lines = shown(moment, width=width, height=height, problem="away" if away else "")
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    text = "\n".join(lines)
    assert ("Running" in text) == (running > 0)


@pytest.mark.parametrize("width", [40, 80])
def test_an_empty_study_has_a_frame(width):
    text = " ".join(shown(moment_of([], {}), width=width))
    assert "No epoch has ended yet" in text
    assert "0 of 10 trials ended" in text


def test_many_trials_are_counted_where_rows_are_few():
    lines = shown(steady(trials=40, asked=80), height=24)
    assert any(" of " in line and line.startswith(("Newest of the others,", "The front now,")) for line in lines)


REASON = "RuntimeError: DataLoader worker (pid 4711) exited unexpectedly with exit code 1, see the log of the node"


@given(
    st.integers(40, 200),
    st.sampled_from(["", "x", REASON, REASON * 9, "理由" * 40]),
    st.sampled_from([0, 7, 123, 98_765]),
    st.permutations(["ap_gt", "mmacs", "params", "latency_ms"]),
    st.integers(1, 4),
)
def test_no_reason_squeezes_a_number(width, reason, number, objectives, count):
    objectives = tuple(dict.fromkeys([*objectives[:count], "ap_gt"]))
    records = [
        trained(number, 12),
        trained(number + 1, 5, status="failed", reason=reason),
        trained(number + 2, 3, status="running"),
    ]
    moment = moment_of(records, dict.fromkeys(range(number, number + 3), NOW - 900), where={number + 2: REASON})
    moment = dataclasses.replace(moment, study=dataclasses.replace(moment.study, objectives=objectives))
    lines = shown(moment, width=width)
    assert max(map(cell_len, lines)) <= width
    (failed,) = (line for line in lines if line.lstrip().startswith("✕"))
    cells = failed.split()
    assert cells[:2] == ["✕", str(number + 1)]
    assert "0.400" in cells
    assert "5/12" in cells
    if width >= 80 and objectives == ("ap_gt", "mmacs"):
        assert cells[2:5] == ["0.400", format_value("mmacs", records[1].cost.mmacs), "5/12"]
        assert reason[:10] in failed


@pytest.mark.parametrize("width", [40, 80])
def test_a_failed_trial_is_whole_on_a_narrow_screen(width):
    records = [trained(0, 12), trained(1, 5, status="failed", reason=REASON)]
    lines = shown(moment_of(records, {0: NOW - 900, 1: NOW - 900}), width=width)
    (line,) = (line for line in lines if "✕" in line)
    wanted = ["✕", "1", "0.400", "5/12"] if width == 40 else ["✕", "1", "0.400", "4.12", "5/12"]
    assert line.split()[: len(wanted)] == wanted
    assert ("RuntimeError: DataLoader" in line) == (width == 80)
    assert line.rstrip().endswith("…") == (width == 80)
