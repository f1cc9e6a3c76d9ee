"""Tests of what processes that tests start are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.child_processes import python_path


def said_by(code: str, environment: dict[str, str]) -> str:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout


def test_an_interpreter_looks_for_garbage_rarely(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("name = 'own'")
    for environment in (dict(os.environ), os.environ | python_path(tmp_path)):
        assert int(said_by("import gc; print(gc.get_threshold()[0])", environment)) > 10_000
    assert said_by("import own; print(own.name)", environment) == "own\n"
