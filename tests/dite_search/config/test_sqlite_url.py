"""The URL of a SQLite file, whatever its path holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from dite_search.config.sqlite_url import anchored, sqlite_file, sqlite_url

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(names.filter(lambda name: name not in (".", "..")))
def test_a_url_leads_back_to_its_file(name):
    file = Path("/studies") / name / "study.db"
    assert sqlite_file(sqlite_url(file), Path()) == file
    assert "{" not in sqlite_url(file), "Optuna would fill it in"


@pytest.mark.parametrize("name", ["q?x=1&y", "c%20d", "ü b#1 50%", "e:f", "a'b", "{SCHEMA_VERSION}", "a@b", "[x];y"])
def test_the_file_is_made_where_its_path_says(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    optuna.storages.RDBStorage(sqlite_url(folder / "study.db"))
    with create_engine(sqlite_url(folder / "other.db")).begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    assert sqlite3.connect(folder / "other.db").execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sorted(path.name for path in folder.iterdir()) == ["other.db", "study.db"]


def test_a_plain_path_has_the_plain_url():
    assert sqlite_url(Path("/a/b c.db")) == "sqlite:////a/b c.db"
    assert sqlite_url(Path("/a?/b.db")) == "sqlite+pysqlite:////a%3F/b.db"


def test_the_file_of_a_url():
    assert sqlite_file(None, Path("/x")) == sqlite_file("", Path("/x")) == Path("/x")
    assert sqlite_file("sqlite:////a/b.db?timeout=3", Path()) == Path("/a/b.db")
    for url in ("postgresql+psycopg2://me@host/studies", "http://host:5000", "nonsense", "sqlite://"):
        assert sqlite_file(url, Path()) is None


def test_a_relative_file_is_that_of_the_working_directory(tmp_path, monkeypatch):
    folder = tmp_path / "50%"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert sqlite_file(anchored("sqlite:///x/study.db?timeout=3"), Path()) == folder / "x" / "study.db"
    for url in ("sqlite:////a/b.db", "sqlite:///:memory:", "sqlite:///${PLACE}/b.db", "postgresql://host/x", "http://host"):
        assert anchored(url) == url
