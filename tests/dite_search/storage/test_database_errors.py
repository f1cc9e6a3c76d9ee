"""The cause of an error of a database, and whether it is damage."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import create_engine, text

from dite_search.storage.database_errors import cause_of, is_damage, reason_of
from dite_search.study.study import DATABASE_AWAY


def test_the_cause_is_the_drivers_error(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Exception, match="file is not a database") as caught:  # noqa: SIM117
        with create_engine(f"sqlite:///{tmp_path / 'x.db'}").connect() as connection:
            connection.execute(text("SELECT * FROM trials"))
    wrapper = DATABASE_AWAY("An exception is raised during the commit.")
    wrapper.__cause__ = caught.value
    assert isinstance(cause_of(wrapper), sqlite3.DatabaseError)
    assert reason_of(wrapper) == "file is not a database"
    assert is_damage(wrapper)


def test_what_no_database_raised_is_told_as_it_is():
    error = RuntimeError("see https://me:secret@host/x")
    error.__cause__ = KeyError("x")
    assert reason_of(error) == "see https://***@host/x"
    assert not is_damage(error)
    locked = DATABASE_AWAY("away")
    locked.__cause__ = sqlite3.OperationalError("database is locked")
    assert not is_damage(locked)
