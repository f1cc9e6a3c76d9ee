from __future__ import annotations

import dataclasses
import itertools

import pytest

from analysis.statistics.dependence import Cell, interaction, partial_dependence
from analysis.study.published_results import PUBLISHED_TABLES
from analysis.study.records import StudyRecord, TrialRecord
from tests.analysis.statistics.test_importance import made
from tests.analysis.studies import TINY, study, trial


def test_partial_dependence_follows_the_formula():
    table = made(lambda p: 0.02 * p["width"], count=100)
    found = partial_dependence(table, "width", "ap_gt")
    assert found.values == [8, 16, 24, 32]
    assert found.means == pytest.approx([0.16, 0.32, 0.48, 0.64], abs=0.02)
    assert all(low <= mean <= high for low, mean, high in zip(found.lows, found.means, found.highs, strict=True))
    continuous = partial_dependence(table, "learning_rate", "ap_gt")
    assert len(continuous.values) == 20
    assert continuous.values[0] == min(record.parameters["learning_rate"] for record in table.trials)


def table_5() -> StudyRecord:
    trials = [
        TrialRecord(number=number, status="complete", arch=row.arch, cost=row.cost, metrics={"ap_det": row.score})
        for number, row in enumerate(PUBLISHED_TABLES["table5"])
    ]
    return study(trials, objectives=("ap_det", "mmacs_paper"), protocol={"epochs": 270})


def test_interaction_is_the_papers_table_5():
    found = interaction(table_5(), "groups", "kernels", "ap_det")
    assert found.rows == ("1-1-1-1", "1-1-2-4", "4-2-1-1", "4-4-4-4")
    assert found.columns == ("1-1-1-1", "1-2-4-4", "4-4-2-1", "4-4-4-4")
    assert found.cells[found.rows.index("1-1-2-4")][found.columns.index("4-4-2-1")] == Cell(mean=0.659, count=1)
    assert found.cells[found.rows.index("4-4-4-4")][found.columns.index("4-4-2-1")] == Cell(mean=0.661, count=1)


def test_interaction_agrees_with_the_printed_table(reference):
    import json

    printed = json.loads((reference / "paper_tables.json").read_text())["table5_groups_kernels_dite_hrnet_18_256x192"]
    found = interaction(table_5(), "groups", "kernels", "ap_det")
    for row in printed:
        cell = found.cells[found.rows.index("-".join(map(str, row["groups"])))][
            found.columns.index("-".join(map(str, row["kernels"])))
        ]
        assert cell is not None
        assert cell.mean == pytest.approx(row["ap"] / 100)


def test_cells_nobody_measured_are_empty_and_repeats_are_averaged():
    architectures = [
        dataclasses.replace(TINY, groups=groups, kernels=kernels)
        for groups, kernels in itertools.product([(1, 1, 1, 1), (1, 1, 2, 2)], [(1, 1, 1, 1), (2, 2, 1, 1)])
    ]
    records = [
        trial(0, ap=0.4, arch=architectures[0]),
        trial(1, ap=0.5, arch=architectures[0]),
        trial(2, ap=0.6, arch=architectures[3]),
        trial(3, ap=0.3, arch=architectures[1], status="stopped"),
    ]
    found = interaction(study(records), "groups", "kernels", "ap_gt")
    assert found.cells == ((Cell(mean=pytest.approx(0.45), count=2), None), (None, Cell(mean=0.6, count=1)))


def test_numbers_are_ordered_as_numbers():
    records = [trial(number, ap=0.4, parameters={"batch_size": size}) for number, size in enumerate((128, 16, 64))]
    found = interaction(study(records), "batch_size", "input_size", "ap_gt")
    assert found.rows == (16, 64, 128)
    assert found.columns == ("64x64",)
