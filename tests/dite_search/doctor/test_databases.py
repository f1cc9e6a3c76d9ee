"""The study in a file and in PostgreSQL: unmade, whole, of another version, refused, gone, and silent."""

from __future__ import annotations

import sqlite3
import time

import optuna
import pytest

from dite_search.doctor import tracking_server
from dite_search.doctor.databases import optuna_finding, shown, study_findings
from dite_search.doctor.findings import FAILED, OK
from dite_search.doctor.tracking_server import mlflow_findings
from dite_search.study.study import create_study
from tests.dite_search.servers import PASSWORD, postgres, silent_server

pytestmark = pytest.mark.xdist_group("clock")


@pytest.mark.slow
def test_databases_and_servers_that_never_answer(make_search, monkeypatch):
    monkeypatch.setattr(tracking_server, "SECONDS", 1.0)
    pytest.importorskip("psycopg2", reason="psycopg2, the driver of PostgreSQL, is not installed")
    with silent_server() as port:
        url = f"postgresql+psycopg2://me:{PASSWORD}@127.0.0.1:{port}/studies"
        config = make_search(study_url=url, mlflow_url=f"http://127.0.0.1:{port}")
        began = time.monotonic()
        (study,), (mlflow,) = study_findings(config), mlflow_findings(config)
    assert time.monotonic() - began < 8
    assert (study.status, mlflow.status) == (FAILED, FAILED)
    assert "://***@127.0.0.1" in study.sentence
    assert "timeout expired" in study.sentence
    assert PASSWORD not in str(study)
    assert f"mlflow_url http://127.0.0.1:{port} cannot be reached: no answer within 1 s" in mlflow.sentence


def test_a_study_in_a_file(make_search):
    config = make_search()
    file = config.study_directory / "study.db"
    (fresh,) = study_findings(config)
    assert (fresh.status, fresh.sentence) == (OK, f"{file} will be made")
    create_study(config)
    (good,) = study_findings(config)
    assert (good.status, good.sentence) == (OK, f"sqlite:///{file} answers, with the schema of Optuna {optuna.__version__}")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v3.0.0.a'")
    (old,) = study_findings(config)
    assert old.status == FAILED
    assert "has the schema v3.0.0.a of an older Optuna, and ours is" in old.sentence
    assert old.remedy == f"optuna storage upgrade --storage 'sqlite:///{file}'"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    (new,) = study_findings(config)
    assert "has the schema v9.9.9, which Optuna" in new.sentence
    assert new.remedy.startswith("pip install -U optuna")
    file.write_bytes(b"no database at all" * 100)
    (broken,) = study_findings(config)
    assert (broken.status, "file is not a database" in broken.sentence) == (FAILED, True)


def test_urls_that_lead_nowhere(make_search, monkeypatch):
    (found,) = study_findings(make_search(study_url="postgres:/nothing"))
    assert (found.status, found.sentence) == (FAILED, "study_url (not a URL) is not the URL of a database")
    (same,) = study_findings(make_search(study_url="postgresql://a:b@h/d", mlflow_url="postgresql+psycopg2://c:d@h/d"))
    assert same.sentence.startswith("study_url and mlflow_url must be two databases")
    (driver,) = study_findings(make_search(study_url=f"mysql://me:{PASSWORD}@h/d"))
    assert driver.sentence == "study_url mysql://***@h/d needs the Python package MySQLdb, which is not installed"
    assert driver.remedy == "pip install 'mysqlclient'"
    assert shown(f"postgresql://me:{PASSWORD}@h/d?password={PASSWORD}&x=1").count("***") == 2
    assert PASSWORD not in str(optuna_finding("old", "new", ["old"], f"postgresql://me:{PASSWORD}@h/d"))


@pytest.fixture(scope="module")
def server():
    with postgres() as running:
        yield running


def test_a_study_in_postgres(make_search, server):
    server.sql("CREATE DATABASE fresh")
    config = make_search(study_url=server.url("fresh"))
    (empty, clock) = study_findings(config)
    assert (empty.status, "answers; its tables will be made" in empty.sentence) == (OK, True)
    assert (clock.name, clock.status) == ("clocks", OK)
    assert "the clocks of the database server are within" in clock.sentence
    create_study(config)
    good, _ = study_findings(config)
    assert "answers, with the schema of Optuna" in good.sentence
    server.sql("UPDATE alembic_version SET version_num = 'v3.0.0.a'", database="fresh")
    old, _ = study_findings(config)
    assert old.remedy == f"optuna storage upgrade --storage '{shown(server.url('fresh'))}'"
    assert not [found for found in (empty, clock, good, old) if PASSWORD in str(found)]


def test_a_postgres_that_refuses(make_search, server):
    (wrong,) = study_findings(make_search(study_url=server.url(password="an0ther-word")))
    assert (wrong.status, "password authentication failed" in wrong.sentence) == (FAILED, True)
    assert "an0ther-word" not in str(wrong)
    assert f"pg_isready -h 127.0.0.1 -p {server.port}" in wrong.remedy
    (none,) = study_findings(make_search(study_url=server.url("nothing")))
    assert 'database "nothing" does not exist' in none.sentence
    server.sql("CREATE ROLE reader LOGIN PASSWORD 'r'")
    denied = study_findings(make_search(study_url=server.url(user="reader", password="r")))
    assert denied[0].sentence.endswith("user reader may not make its tables")
    assert denied[0].remedy == "as the database's owner: GRANT CREATE ON SCHEMA public TO reader;"


def test_a_postgres_that_went_away(make_search, server):
    config = make_search(study_url=server.url())
    assert study_findings(config)[0].status == OK
    server.kill()
    try:
        (gone,) = study_findings(config)
        assert (gone.status, "onnection refused" in gone.sentence) == (FAILED, True)
    finally:
        server.start()
    assert study_findings(config)[0].status == OK
