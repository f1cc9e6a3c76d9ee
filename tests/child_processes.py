"""The environment of processes that tests start: hundreds of them start sooner for it."""

from __future__ import annotations

import os
from pathlib import Path

INTERPRETERS = Path(__file__).with_name("interpreters")
"""Holds what every interpreter runs before anything else."""

RAY = {
    # Processes of Ray would otherwise give way to every other test, and take several times as long beside one.
    "RAY_worker_niceness": "0",
    # A process for each core is started with Ray, although most tests need fewer, and trials have processes of their own.
    "RAY_prestart_worker_first_driver": "0",
}
"""Variables of every Ray that tests start."""


def python_path(*folders: Path | str) -> dict[str, str]:
    """Return the variable by which an interpreter imports from folders, and begins as all those of tests do."""
    return {"PYTHONPATH": os.pathsep.join(map(str, (*folders, INTERPRETERS)))}
