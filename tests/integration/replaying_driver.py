"""A driver as ``dite-search search`` and ``resume`` are, whose trials report recorded curves instead of training.

Everything else is real: Ray Tune and its processes, the data, the study, MLflow, the checkpoints' place. An epoch takes a
moment, so that a search of many trials is over in seconds, and can be killed at any of them.

    python -m tests.integration.replaying_driver FILE
"""

from __future__ import annotations

import functools
import os
import sys

from rich.console import Console

from dite_search.config.search_config import load_search
from dite_search.driver import run_search
from dite_search.study.directory import SEARCH_FILE, load_config
from tests.forked import command
from tests.integration.replaying_runner import ReplayingRunner

SECONDS_VARIABLE = "REPLAYED_SECONDS_AN_EPOCH"
"""Names the environment variable of a driver whose epochs take longer than a moment."""
INTERRUPT_VARIABLE = "REPLAYED_INTERRUPT"
"""Names the environment variable of a driver that its own trial interrupts: a moment and an epoch, as in ``saved 12``."""


def report_recorded_curves(seconds: float = ReplayingRunner.seconds, interrupt: tuple[str, int] | None = None) -> None:
    """Have the searches of this process report recorded curves, so many seconds an epoch."""
    run_search.TrialRunner = functools.partial(  # type: ignore[assignment,misc]
        ReplayingRunner, seconds=seconds, driver=os.getpid(), interrupt=interrupt
    )


def replayed_command(seconds: float, *words: object) -> None:
    """Run a command of this program, whose trials report recorded curves."""
    report_recorded_curves(seconds)
    command(*words)


def replay(target: str) -> None:
    """Begin the search of a file, or go on with it where its study exists."""
    moment, _, epoch = os.environ.get(INTERRUPT_VARIABLE, "").partition(" ")
    seconds = float(os.environ.get(SECONDS_VARIABLE, ReplayingRunner.seconds))
    report_recorded_curves(seconds, (moment, int(epoch)) if moment else None)
    config, console = load_search(target), Console(width=200)
    if (config.study_directory / SEARCH_FILE).is_file():
        run_search.resume_search(load_config(config.study_directory), console)
    else:
        run_search.run_search(config, console)


if __name__ == "__main__":
    replay(sys.argv[1])
