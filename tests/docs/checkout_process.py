"""Modules of another checkout, run in a process that imports nothing of this one but this file."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def work_in(checkout: str, folder: str, environment: dict[str, str]) -> None:
    """Have this process import from a checkout, and from nowhere else what lies there, and work in a folder."""
    os.environ.update(environment)
    sys.dont_write_bytecode = True
    sys.path[:] = [checkout, *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    os.chdir(folder)


def run_module(module: str, arguments: tuple[str, ...]) -> tuple[int, str, str]:
    """Run a module as ``python -m`` does; its status, and what it writes to both outputs."""
    said, complaint, status = io.StringIO(), io.StringIO(), 0
    sys.argv = [module, *arguments]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
    return status, said.getvalue(), complaint.getvalue()
