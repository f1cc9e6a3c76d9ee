"""The processors of a trial, by which compute counts."""

from __future__ import annotations

import pytest

from analysis.report.elements.options import Setup


@pytest.mark.parametrize(
    ("setup", "processors", "unit"),
    [
        (Setup(), 1.0, "trial"),
        (Setup(workers=2, cpus_per_worker=3), 6, "CPU core"),
        (Setup(workers=4, cpus_per_worker=3, gpus_per_worker=0.5), 2.0, "GPU"),
    ],
)
def test_compute_is_counted_in_gpus_where_there_are_any(setup: Setup, processors: float, unit: str) -> None:
    assert (setup.processors, setup.unit) == (processors, unit)
