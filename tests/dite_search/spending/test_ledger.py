"""The account on disk: whole, or refused with the name of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dite_search.spending.ledger import LEDGER_FILE, Ledger, read_ledger, write_ledger
from search_spaces.common.errors import InvalidInput


def test_an_account_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_ledger(tmp_path) is None
    ledger = Ledger(began=5.0, seconds=60.5, gpu_seconds=7.0, reserved_seconds=5.0, ended={"hours": 60.0})
    write_ledger(tmp_path, ledger)
    assert read_ledger(tmp_path) == ledger


@pytest.mark.parametrize("text", ["[]", "{", '{"began": 1}', '{"began": -1, "seconds": 1}', "5", '"x"'])
def test_a_file_that_holds_no_account_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LEDGER_FILE).write_text(text)
    with pytest.raises(InvalidInput, match=r"spent\.json must hold the account of the study"):
        read_ledger(tmp_path)


def test_a_disk_that_takes_nothing_stops_no_search(tmp_path: Path) -> None:
    write_ledger(tmp_path / "missing", Ledger(began=0.0))
