"""The answers of a node about itself."""

from __future__ import annotations

import fcntl
from pathlib import Path

from dite_search.doctor.probe import PACKAGES, installed, probe, readable


def test_a_token_is_written_back_with_what_was_seen_of_its_lock(tmp_path: Path) -> None:
    token, answer = tmp_path / "token", tmp_path / "answer"
    token.write_bytes(b"abc")
    assert probe(str(token), str(answer), [], False)["folder"] == {"content": "abc", "locked": False}
    with token.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert probe(str(token), str(answer), [], False)["folder"]["locked"] is True
    assert answer.read_bytes() == b"abc"


def test_a_folder_that_is_not_there_or_takes_no_answer(tmp_path: Path) -> None:
    token = tmp_path / "token"
    found = probe(str(token), str(tmp_path / "answer"), [], False)
    assert found["folder"] == {"read_error": "No such file or directory"}
    token.write_bytes(b"abc")
    found = probe(str(token), str(tmp_path / "none" / "answer"), [], False)
    assert found["folder"] == {"write_error": "No such file or directory"}


def test_files_and_packages(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert readable(str(tmp_path / "a")) == {"size": 4}
    assert readable(str(tmp_path)) == {"size": 0}
    assert readable(str(tmp_path / "b")) == {"error": "No such file or directory"}
    assert all(installed(name) for name in PACKAGES)
    assert installed("no-such-package-at-all") == ""
