"""The benchmark of the last tenth: a search covers a share of its table, alike for alike settings."""

from __future__ import annotations

from typing import Any

from benchmarks.search_cost.last_tenth import covered
from dite_search.simulation.tabular_benchmark import load_table


def test_a_search_covers_a_share_of_its_table() -> None:
    table = load_table("tiny_128")
    options: dict[str, Any] = {"sampler": "random", "seed": 0, "workers": 4}
    few, many = (covered(table, epochs=epochs, finishing_share=0.9, **options) for epochs in (40, 200))
    assert 0.0 < few < many < 1.0
    assert covered(table, epochs=200, finishing_share=0.9, **options) == many
