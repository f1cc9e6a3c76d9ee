"""Many real trials at once: each is trained to its end, and the driver holds no more of them than their results."""

from __future__ import annotations

import psutil
import pytest

from benchmarks.driver.load import MEBIBYTE, measure

HELD = 370 * MEBIBYTE
"""Memory of one trial's process, in bytes."""


pytestmark = pytest.mark.xdist_group("ray")
LONG = (pytest.mark.nightly, pytest.mark.timeout(3600))


# At a commit the searches of tests/integration train several networks at once, and test_bookkeeping looks at the memory.
@pytest.mark.parametrize(
    ("concurrent", "trials"), [pytest.param(*both, marks=LONG) for both in ((2, 4), (4, 8), (8, 16), (64, 96))]
)
def test_many_trials_at_once(concurrent, trials):
    wanted, free = concurrent * HELD, psutil.virtual_memory().available + psutil.swap_memory().free
    if free < wanted:
        pytest.skip(f"{concurrent} trials need {wanted >> 30} GiB of memory or swap space, {free >> 30} are free")
    load = measure(concurrent, trials, 2, every=trials // 4)
    assert load.complete == load.readings[-1].ended == trials
    assert load.readings[-1].memory - load.readings[0].memory < 64 * MEBIBYTE
