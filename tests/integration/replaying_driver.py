"""A driver as ``dite-search search`` and ``resume`` are, whose trials report recorded curves instead of training.

Everything else is real: Ray Tune and its processes, the data, the study, MLflow, the checkpoints' place. An epoch takes a
moment, so that a search of many trials is over in seconds, and can be killed at any of them.
"""

from __future__ import annotations

import functools
import io
import os

from rich.console import Console

from dite_search.config.search_config import load_search
from dite_search.driver import run_search
from dite_search.study.directory import SEARCH_FILE, load_config
from tests.integration.replaying_runner import ReplayingRunner

SECONDS_VARIABLE = "REPLAYED_SECONDS_AN_EPOCH"
"""Names the environment variable of a driver whose epochs take longer than a moment."""
INTERRUPT_VARIABLE = "REPLAYED_INTERRUPT"
"""Names the environment variable of a driver that its own trial interrupts: a moment and an epoch, as in ``saved 12``."""


def replay(target: str) -> None:
    """Begin the search of a file, or go on with it where its study exists."""
    seconds = float(os.environ.get(SECONDS_VARIABLE, ReplayingRunner.seconds))
    moment, _, epoch = os.environ.get(INTERRUPT_VARIABLE, "").partition(" ")
    run_search.TrialRunner = functools.partial(  # type: ignore[assignment,misc]
        ReplayingRunner, seconds=seconds, driver=os.getpid(), interrupt=(moment, int(epoch)) if moment else None
    )
    config, console = load_search(target), Console(file=io.StringIO())
    if (config.study_directory / SEARCH_FILE).is_file():
        run_search.resume_search(load_config(config.study_directory), console)
    else:
        run_search.run_search(config, console)
