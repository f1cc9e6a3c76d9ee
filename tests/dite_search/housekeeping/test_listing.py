"""Studies as they are listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.driver.searcher import StudySearch
from dite_search.housekeeping.listing import size_of, size_words, studies_in
from dite_search.storage.lease import Lease
from dite_search.study.directory import DELETION_FILE
from dite_search.study.study import create_study, reopen_running, storage_of
from tests.profiles import examples

pytestmark = pytest.mark.filterwarnings("ignore")


def test_each_study_has_its_state_and_its_best_network(make_search, tmp_path) -> None:
    for name, trials in (("done", 1), ("halted", 2), ("new", 2), ("runs", 2)):
        config = make_search(name=name, trials=trials)
        create_study(config)
        if name == "new":
            continue
        search = StudySearch(config)
        search.suggest("a")
        search.on_trial_complete("a", {"epoch": 2, "loss": 0.5, "ap_gt": 0.25})
        if name == "halted":
            search.suggest("b")
            reopen_running(config)
    lease = Lease("runs", storage_of(config))
    lease.take()
    broken = make_search(name="broken")
    create_study(broken)
    (broken.study_directory / "study.db").write_bytes(b"no database" * 100)
    going = make_search(name="going")
    create_study(going)
    (going.study_directory / DELETION_FILE).write_text("{}")
    found = {study.name: study for study in studies_in(tmp_path / "runs")}
    assert {name: study.state for name, study in found.items()} == {
        "broken": "unreadable",
        "done": "finished",
        "going": "being deleted",
        "halted": "paused",
        "new": "not begun",
        "runs": "running",
    }
    done = found["done"]
    assert (done.trials, done.asked, done.accuracy, done.best, done.best_trial) == (1, 1, "ap_gt", 0.25, 0)
    assert (found["halted"].trials, found["halted"].best) == (1, 0.25)
    assert done.size == sum(file.stat().st_size for file in (tmp_path / "runs" / "done").rglob("*") if file.is_file())
    assert "cannot be opened: file is not a database" in found["broken"].problem


def test_a_folder_without_studies_has_none(tmp_path) -> None:
    assert studies_in(tmp_path / "nowhere") == []
    assert size_of(tmp_path / "nowhere") == 0


@given(st.integers(0, 10**15))
@examples(20)
def test_a_size_keeps_three_digits(size: int) -> None:
    number, unit = size_words(size).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert float(number) * factor == pytest.approx(size, rel=0.06)
    assert unit == "TB" or float(number) <= 1000
