"""The speed of a replay, measured both ways."""

from __future__ import annotations

from benchmarks.driver import replay_speed
from dite_search.simulation.tabular_benchmark import load_table


def test_a_row_a_sampler_has_both_speeds_and_their_ratio():
    table = load_table("tiny_128")
    head, _, *found = replay_speed.rows(table, ["random", "tpe"], 30)
    assert head.count("|") == 5
    for row, sampler in zip(found, ("random", "tpe"), strict=True):
        _, name, stairs, arrays, ratio, _ = (cell.strip() for cell in row.split("|"))
        assert name == f"`{sampler}`"
        stairs, arrays = (float(cell.replace(",", "")) for cell in (stairs, arrays))
        assert stairs > 0 < arrays
        assert abs(float(ratio) - stairs / arrays) < 0.02
