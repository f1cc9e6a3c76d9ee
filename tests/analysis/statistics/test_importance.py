"""Importance: what is known to matter is found, what is not measured is not said."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.importance import (
    MIN_TRIALS,
    Cell,
    explanations,
    importances,
    interaction,
    measured,
    partial_dependence,
    reason,
)
from analysis.study.published_results import PUBLISHED_TABLES
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import TINY, study, trial
from tests.profiles import examples


def made(formula, *, noise: float = 0.0, count: int = 60, seed: int = 0) -> StudyRecord:
    """A study of random points in three parameters, one of names and one continuous, scored by a formula."""
    generator = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        point = {
            "width": int(generator.choice([8, 16, 24, 32])),
            "codec": str(generator.choice(["msra", "dark", "udp"])),
            "learning_rate": float(10 ** generator.uniform(-4, -2)),
        }
        score = formula(point) + noise * generator.standard_normal()
        trials.append(trial(number, ap=float(np.clip(score, 0, 1)), parameters=point))
    return study(trials, objectives=("ap_gt",))


def by_name(found):
    return {entry.name: entry for entry in found}


def test_shares_are_those_of_a_known_formula():
    """Variances over uniform values: width 0.1² · 1.25 and codec 0.05² · 2/3 · 2, here 0.0125 against 0.0033."""
    codecs = {"msra": 0.0, "dark": 0.05 * math.sqrt(2), "udp": 0.1 * math.sqrt(2)}
    found = explanations(made(lambda p: 0.1 + 0.1 * p["width"] / 8 + codecs[p["codec"]], count=150))["ap_gt"]
    shares = by_name(found.importances)
    assert [entry.name for entry in found.importances] == ["width", "codec", "learning_rate"]
    assert shares["width"].share == pytest.approx(0.0125 / (0.0125 + 0.00333), abs=0.08)
    assert shares["learning_rate"].share < 0.03
    assert found.r2 is not None
    assert found.r2 > 0.9


def test_an_interaction_without_a_main_effect_counts():
    """The score follows whether two parameters go together: each alone says nothing about it."""
    table = made(lambda p: 0.7 if (p["width"] > 16) == (p["codec"] == "dark") else 0.3, count=160)
    shares = by_name(importances(table)["ap_gt"])
    assert shares["width"].share > 0.3
    assert shares["codec"].share > 0.3
    assert shares["learning_rate"].share < 0.15


def test_noise_alone_has_no_importances():
    found = explanations(made(lambda p: 0.5, noise=0.02))["ap_gt"]
    assert found.importances == ()
    assert "on held-out trials a forest predicts it no better than the mean does" in found.reason
    assert "60 trials" in found.reason


def test_too_few_trials_say_so():
    few = made(lambda p: p["width"] / 40, count=MIN_TRIALS - 1)
    assert importances(few) == {"ap_gt": []}
    assert reason(few) == "Importances need at least 12 different networks trained to the end, got 11."
    assert partial_dependence(few, "width", "ap_gt").values == ()
    assert reason(made(lambda p: p["width"] / 40, count=40)) == ""


def test_repeats_are_not_different_networks():
    table = made(lambda p: p["width"] / 40, count=6)
    doubled = [dataclasses.replace(record, number=record.number + 6 * copy) for copy in range(4) for record in table.trials]
    assert reason(study(doubled, objectives=("ap_gt",))).endswith("got 6.")


def test_an_objective_that_does_not_move():
    assert reason(made(lambda p: 0.5)) == "All trials have the same AP (ground-truth boxes), so no parameter matters to it."


def test_only_complete_trials_of_full_fidelity_count():
    short = trial(3, ap=0.9)
    short = dataclasses.replace(short, curve=short.curve[:4])
    records = [trial(0, ap=0.4), trial(1, ap=0.5, status="stopped"), trial(2, status="failed"), short]
    assert [record.number for record in measured(study(records), "ap_gt")] == [0]


@examples(4)
@given(seed=st.integers(0, 2**31), noise=st.floats(0, 0.05))
def test_shares_add_up_and_lie_within_their_intervals(seed, noise):
    found = importances(made(lambda p: p["width"] / 40 + 20 * p["learning_rate"], noise=noise, count=30, seed=seed))["ap_gt"]
    if found:
        assert math.isclose(sum(entry.share for entry in found), 1)
        assert all(0 <= entry.low <= entry.share <= entry.high <= 1 for entry in found)
        assert [entry.share for entry in found] == sorted((entry.share for entry in found), reverse=True)


def test_the_same_seed_gives_the_same_result():
    table = made(lambda p: p["width"] / 40, noise=0.02, count=30)
    assert importances(table, seed=3) == importances(table, seed=3)
    assert importances(table, seed=3) != importances(table, seed=4)


def test_partial_dependence_follows_the_formula():
    table = made(lambda p: 0.02 * p["width"], count=100)
    found = partial_dependence(table, "width", "ap_gt")
    assert found.values == [8, 16, 24, 32]
    assert found.means == pytest.approx([0.16, 0.32, 0.48, 0.64], abs=0.02)
    assert all(low <= mean <= high for low, mean, high in zip(found.lows, found.means, found.highs, strict=True))
    continuous = partial_dependence(table, "learning_rate", "ap_gt")
    assert len(continuous.values) == 20
    assert continuous.values[0] == min(record.parameters["learning_rate"] for record in table.trials)


def test_what_is_not_there_is_refused():
    table = made(lambda p: p["width"] / 40, count=30)
    with pytest.raises(InvalidInput, match="unknown varied parameter 'widht'"):
        partial_dependence(table, "widht", "ap_gt")
    with pytest.raises(InvalidInput, match="objective 'mmacs'"):
        partial_dependence(table, "width", "mmacs")
    with pytest.raises(InvalidInput, match="parameter 'group'"):
        interaction(table, "group", "kernels", "ap_gt")


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
