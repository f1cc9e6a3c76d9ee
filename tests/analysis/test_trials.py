"""The table of trials and its way through CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.trials import read_trials_table, trials_table
from tests.analysis.studies import study, trial


def test_one_row_a_trial_in_order() -> None:
    table = trials_table([trial(3, ap=0.5), trial(1, status="failed", reason="out of memory")])
    assert table["trial"].tolist() == [1, 3]
    assert table["reason"].tolist() == ["out of memory", ""]
    assert table["width"].tolist() == [24, 40]
    assert pd.isna(table.loc[0, "ap_gt"])
    assert table.loc[1, "ap_gt"] == 0.5


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
