"""The table of trials and its way through CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.study.records import read_trials_table, trials_table
from search_spaces.starting_weights import WEIGHTS_TAKEN
from tests.analysis.studies import study, trial


def test_one_row_a_trial_in_order() -> None:
    table = trials_table([trial(3, ap=0.5), trial(1, status="failed", reason="out of memory")])
    assert table["trial"].tolist() == [1, 3]
    assert table["reason"].tolist() == ["out of memory", ""]
    assert table["width"].tolist() == [24, 40]
    assert pd.isna(table.loc[0, "ap_gt"])
    assert table.loc[1, "ap_gt"] == 0.5


def test_the_share_of_other_weights_is_a_column_where_there_are_some() -> None:
    curve = [{"epoch": 1, "loss": 0.5, WEIGHTS_TAKEN: 0.75}]
    taken = dataclasses.replace(trial(1, ap=0.5), curve=curve)
    assert taken.weights_taken == 0.75
    table = trials_table([trial(0, ap=0.5), taken])
    assert pd.isna(table.loc[0, WEIGHTS_TAKEN])
    assert table.loc[1, WEIGHTS_TAKEN] == 0.75
    assert WEIGHTS_TAKEN not in trials_table([trial(0, ap=0.5)])


def test_csv_round_trip(tmp_path: Path) -> None:
    table = trials_table([*study().trials, trial(12, ap=1 / 3, status="failed", reason='a "quoted", broken\nline')])
    table.to_csv(tmp_path / "trials.csv", index=False)
    pd.testing.assert_frame_equal(read_trials_table(tmp_path / "trials.csv"), table, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("arch_id", ["012345678901", "1234567890e1"])
def test_ids_that_look_like_numbers_stay_text(tmp_path: Path, arch_id: str) -> None:
    table = trials_table([trial(0, ap=0.5)])
    table["arch_id"] = arch_id
    table.to_csv(tmp_path / "trials.csv", index=False)
    assert read_trials_table(tmp_path / "trials.csv").loc[0, "arch_id"] == arch_id


def test_no_trials_still_have_a_header(tmp_path: Path) -> None:
    trials_table([]).to_csv(tmp_path / "trials.csv", index=False)
    assert read_trials_table(tmp_path / "trials.csv").columns.tolist() == ["trial", "status", "reason", "arch_id"]


WHOLE = st.integers(-(2**70), 2**70)


@given(st.lists(st.one_of(st.none(), WHOLE), min_size=1, max_size=6))
def test_whole_numbers_with_gaps_stay_whole(values: list[int | None]) -> None:
    trials = [
        trial(number, ap=0.5, parameters={} if value is None else {"groups_branch3": value})
        for number, value in enumerate(values)
    ]
    text = trials_table(trials).to_csv(index=False)
    rows = list(csv.DictReader(io.StringIO(text)))
    known = any(value is not None for value in values)
    assert [row.get("groups_branch3", "") for row in rows] == ["" if value is None else str(value) for value in values]
    assert ("groups_branch3" in rows[0]) == known


def test_a_parameter_and_a_seed_that_some_trials_lack_are_read_as_whole_numbers(tmp_path: Path) -> None:
    table = trials_table([trial(0, ap=0.5), trial(1, ap=0.4, parameters={"rate": 0.5, "on": True}, seed=None)])
    table.to_csv(tmp_path / "trials.csv", index=False)
    text = (tmp_path / "trials.csv").read_text()
    assert ".0," not in text.replace("40.0,", "").replace("43.0,", "").replace("99185.0,", "").replace("197225.0,", "")
    read = read_trials_table(tmp_path / "trials.csv")
    assert read["groups_branch3"].tolist() == [2, pd.NA]
    assert str(read["seed"].dtype) == str(read["batch_size"].dtype) == "Int64"
    assert read["rate"].dtype == "float64"
    assert read["ap_gt"].dtype == "float64"


def test_published_figures_have_a_column_where_they_are_an_objective() -> None:
    trials = [trial(0, ap=0.5)]
    assert "mflops_published" not in trials_table(trials).columns
    table = trials_table(trials, objectives=("ap_gt", "mflops_published"))
    assert table["mflops_published"].tolist() == [trials[0].cost.mflops_published]
