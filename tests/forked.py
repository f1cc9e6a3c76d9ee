"""Processes of commands that begin with everything imported: forks of a server that has imported it and done nothing else.

An interpreter of its own would import Ray, torch and MLflow for five seconds of a processor before a command begins.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

from ray._raylet import Config

from dite_search.driver import ray_session
from tests.conftest import ROOT
from tests.mlflow_tables import copy_mlflow_tables

PRELOADED = [
    "pytest",
    "dite_search.cli",
    "dite_search.driver.run_search",
    "tests.integration.replaying_driver",
    "mlflow.store.tracking.sqlalchemy_store",
    "plotly.graph_objects",
    "trainers.networks.dite_hrnet.family",
]
"""Modules that the server imports, once for all processes of a run of tests."""


class ForkedProcess:
    """A function in a process of its own, with the interface of `subprocess.Popen` as far as tests need it.

    Variables that this program reads when it is imported cannot be given to it, but for the patience with a head; those of
    Ray can.
    """

    def __init__(
        self, function: Callable[..., object], *arguments: object, environment: Mapping[str, str], output: Path
    ) -> None:
        """Start the process; ``output`` gets what it writes, behind what the file has."""
        body = functools.partial(_begin, function, arguments, dict(environment), str(output))
        self._process = _server().Process(target=body)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status; None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            subprocess.TimeoutExpired: the process still runs.
        """
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0.0)
        return status

    def send_signal(self, kind: signal.Signals) -> None:
        """Send a signal; an ended process gets none."""
        if self.poll() is None:
            os.kill(self.pid, kind)

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self.send_signal(signal.SIGKILL)
        self.wait(60)

    def __enter__(self) -> ForkedProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.wait()


def command(*words: object) -> None:
    """Run a command of this program; for a `ForkedProcess`."""
    from dite_search.cli import main

    sys.argv = ["dite-search", *map(str, words)]
    main()


@functools.cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _begin(function: Callable[..., object], arguments: tuple[object, ...], environment: dict[str, str], output: str) -> None:
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    # Ray read its settings when the server imported it, in the environment of whichever test came first. A driver that asks
    # for a token, as an earlier search in this process does, cannot drive a head without one.
    Config.initialize("")
    ray_session.HEAD_PATIENCE = 0.75 * float(os.environ.get(ray_session.RAYS_PATIENCE, "60"))
    os.chdir(ROOT)
    copy_mlflow_tables()
    try:
        function(*arguments)
    finally:
        # multiprocessing leaves without what Ray and others do at the end of an interpreter.
        atexit._run_exitfuncs()
