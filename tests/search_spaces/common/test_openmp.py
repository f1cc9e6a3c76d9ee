"""Waiting threads give their cores up soon, in every process that trains, and a user may decide otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from search_spaces.common.openmp import SPINS, SPINS_VARIABLE, limit_spinning


def test_threads_wait_for_a_short_time() -> None:
    environment = {"PATH": "/bin"}
    limit_spinning(environment)
    assert environment == {"PATH": "/bin", SPINS_VARIABLE: str(SPINS)}


@pytest.mark.parametrize("said", [{SPINS_VARIABLE: "5"}, {"OMP_WAIT_POLICY": "active"}])
def test_what_a_user_says_stays(said: dict[str, str]) -> None:
    environment = dict(said)
    limit_spinning(environment)
    assert environment == said


@pytest.mark.parametrize("package", ["trainers", "dite_search"])
def test_it_is_said_before_torch_is_imported(package: str) -> None:
    """A worker of Ray Train begins with the trainers, a trial and a command with the search."""
    code = f"import sys, os, {package}; print('torch' in sys.modules, os.environ['{SPINS_VARIABLE}'])"
    kept = {name: value for name, value in os.environ.items() if name not in (SPINS_VARIABLE, "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept, check=True)
    assert done.stdout.split() == ["False", str(SPINS)]
