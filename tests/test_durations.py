"""The table of durations: what is recorded, what the page says, and when CI fails."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests import durations
from tests.durations import (
    SLOWEST,
    SUM_BOUND_SECONDS,
    DurationRecorder,
    Durations,
    main,
    read_durations,
    table,
    without_group,
)


def recorded(file, **seconds):
    recorder = DurationRecorder(file, workers=2)
    for name, parts in seconds.items():
        for part in parts:
            recorder.pytest_runtest_logreport(SimpleNamespace(nodeid=f"tests/test_a.py::{name}@ray", duration=part))
    recorder.pytest_sessionfinish()
    return file


def test_set_up_call_and_end_of_a_test_are_added_up(tmp_path):
    found = read_durations(recorded(tmp_path / "new" / "durations.json", test_a=[1.0, 2.5, 0.25], test_b=[1.0]))
    assert found.tests == {"tests/test_a.py::test_a": 3.75, "tests/test_a.py::test_b": 1.0}
    assert (sum(found.tests.values()), found.workers) == (4.75, 2)
    assert found.cores >= 1
    assert 0 <= found.seconds < 60


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("a.py::test_b@ray", "a.py::test_b"),
        ("a.py::test_b[x@y]@ray", "a.py::test_b[x@y]"),
        ("a.py::test_b[x@y]", "a.py::test_b[x@y]"),
        ("a.py::test_b", "a.py::test_b"),
    ],
)
def test_the_group_of_a_test_is_no_part_of_its_name(nodeid, name):
    assert without_group(nodeid) == name


def test_the_page_has_the_slowest_first():
    tests = {f"a.py::test_{number}": float(number) for number in range(SLOWEST + 10)}
    text = table(Durations(tests=tests, seconds=1300.0, workers=2, cores=2))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "::" in line]
    assert len(rows) == SLOWEST
    assert rows[0] == f"| 1:09 | `a.py::test_{SLOWEST + 9}` |"
    assert rows[-1] == "| 0:10 | `a.py::test_10` |"
    assert "70 tests took 21:40 on 2 workers and 2 cores, and 40:15 one after another" in text
    assert all(len(line) <= 130 for line in text.splitlines() if not line.startswith("| "))


@pytest.mark.parametrize(
    ("workers", "cores", "total"), [(1, 2, 90.0), (2, 2, 90.0), (3, 2, 60.0), (4, 2, 45.0), (3, 8, 90.0)]
)
def test_tests_that_share_a_core_stretch_each_other(workers, cores, total):
    found = Durations(tests={"a": 50.0, "b": 40.0}, seconds=45.0, workers=workers, cores=cores)
    assert found.total == pytest.approx(total)


def test_a_sum_over_its_bound_fails_and_names_the_slowest(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(durations.os, "sched_getaffinity", lambda process: {0, 1})
    file = recorded(tmp_path / "durations.json", test_a=[SUM_BOUND_SECONDS - 60.0], test_b=[59.0])
    assert main([str(file)]) == 0
    assert capsys.readouterr().out == "2 tests: 0:00 on 2 workers, 59:59 one after another, at most 60:00\n"
    file = recorded(tmp_path / "durations.json", test_a=[SUM_BOUND_SECONDS - 60.0], test_b=[61.0])
    assert main([str(file)]) == 1
    assert capsys.readouterr().err == (
        "error: all tests together must take at most 60:00, but took 60:01; the slowest, tests/test_a.py::test_a, took"
        " 59:00: shorten one, or leave its long form to make test-nightly\n"
    )


def test_the_page_is_written_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(durations, "TABLE", tmp_path / "DURATIONS.md")
    file = recorded(tmp_path / "durations.json", test_a=[1.0])
    assert main([str(file)]) == 0
    assert not (tmp_path / "DURATIONS.md").exists()
    assert main([str(file), "--write"]) == 0
    assert "| 0:01 | `tests/test_a.py::test_a` |" in (tmp_path / "DURATIONS.md").read_text()
