"""Record how long each test takes, write the table of the slowest, and fail where all together pass their bound.

    python -m tests.durations FILE           the sum against its bound, for CI
    python -m tests.durations FILE --write   the table in tests/DURATIONS.md as well

``FILE`` is what a run with ``--durations-to FILE`` wrote; `make test` writes `.pytest_cache/durations.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SUM_BOUND_SECONDS = 60 * 60
"""For all tests of a run, one after another: two cores are then through in half an hour, on a machine that is busy."""
SLOWEST = 60
TABLE = Path(__file__).with_name("DURATIONS.md")


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Seconds of each test with its set-up and its end, and those of the whole run on so many workers and cores."""

    tests: Mapping[str, float]
    seconds: float
    workers: int
    cores: int

    @property
    def total(self) -> float:
        """Seconds of all tests one after another: those that share a core stretch each other, three on two by a half."""
        return sum(self.tests.values()) * min(1.0, self.cores / self.workers)


class DurationRecorder:
    """A plugin of pytest that adds up the seconds of each test and writes them to a file at the end."""

    def __init__(self, file: Path, workers: int) -> None:
        self._file, self._workers = file, workers
        self._tests: defaultdict[str, float] = defaultdict(float)
        self._began = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add set-up, call and end of a test."""
        self._tests[without_group(report.nodeid)] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        tests = {name: round(seconds, 3) for name, seconds in sorted(self._tests.items())}
        found = {
            "seconds": round(time.monotonic() - self._began, 1),
            "workers": self._workers,
            "cores": len(os.sched_getaffinity(0)),
            "tests": tests,
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


def without_group(nodeid: str) -> str:
    """Return the id of a test without the group that pytest-xdist puts behind it."""
    head, at, group = nodeid.rpartition("@")
    return head if at and "]" not in group else nodeid


def read_durations(file: Path) -> Durations:
    """Read what a `DurationRecorder` wrote."""
    found = json.loads(file.read_text(encoding="utf-8"))
    return Durations(tests=found["tests"], seconds=found["seconds"], workers=found["workers"], cores=found["cores"])


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: ``9:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def table(durations: Durations) -> str:
    """Return the Markdown page of the slowest tests."""
    slowest = sorted(durations.tests.items(), key=lambda item: (-item[1], item[0]))[:SLOWEST]
    shown, whole = sum(seconds for _, seconds in slowest), sum(durations.tests.values())
    lines = [
        "# The slowest tests",
        "",
        "Written by `python -m tests.durations .pytest_cache/durations.json --write` after `make test`. Each test counts",
        "with its set-up and its end, in minutes and seconds.",
        "",
        f"{len(durations.tests)} tests took {clock(durations.seconds)} on {durations.workers} workers and"
        f" {durations.cores} cores, and {clock(durations.total)} one after another.",
        f"The {len(slowest)} below are {shown / whole:.0%}. CI fails where the sum passes {clock(SUM_BOUND_SECONDS)}.",
        "",
        "| time | test |",
        "| ---: | --- |",
        *(f"| {clock(seconds)} | `{name}` |" for name, seconds in slowest),
    ]
    return "\n".join(lines) + "\n"


def verdict(durations: Durations) -> str:
    """Return what is wrong with the durations, in one sentence; empty where nothing is."""
    if durations.total <= SUM_BOUND_SECONDS:
        return ""
    slowest = max(durations.tests, key=lambda name: durations.tests[name])
    return (
        f"all tests together must take at most {clock(SUM_BOUND_SECONDS)}, but took {clock(durations.total)}; the slowest,"
        f" {slowest}, took {clock(durations.tests[slowest])}: shorten one, or leave its long form to make test-nightly"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the sum of durations; the exit status is 1 where it passes its bound."""
    parser = argparse.ArgumentParser(prog="python -m tests.durations", description="How long the tests of a run took.")
    parser.add_argument("file", type=Path, help="what a run with --durations-to wrote")
    parser.add_argument("--write", action="store_true", help=f"write the table of the slowest to {TABLE.name} as well")
    options = parser.parse_args(arguments)
    durations = read_durations(options.file)
    if options.write:
        TABLE.write_text(table(durations), encoding="utf-8")
    print(f"{len(durations.tests)} tests: {clock(durations.seconds)} on {durations.workers} workers, ", end="")
    print(f"{clock(durations.total)} one after another, at most {clock(SUM_BOUND_SECONDS)}")
    problem = verdict(durations)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
    return int(bool(problem))


if __name__ == "__main__":
    sys.exit(main())
