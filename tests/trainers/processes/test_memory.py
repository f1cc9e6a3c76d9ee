"""Freed memory stays with the process: a second run of the same sizes takes no new pages."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from trainers.processes.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("not here")
def step():
    held = [torch.ones(12 * 2**20) for _ in range(8)]
for _ in range(10):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True)
    if "not here" in done.stderr:
        pytest.skip("this C library has no mallopt")
    return int(done.stdout)


@pytest.mark.slow
def test_pages_are_not_asked_for_again() -> None:
    pages = 5 * 8 * 48 * 2**20 / resource.getpagesize()
    assert faults("default") > 0.5 * pages
    assert faults("keep") < 0.05 * pages
