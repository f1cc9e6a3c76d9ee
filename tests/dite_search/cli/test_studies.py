"""Studies are listed, and one that is synced has one writer."""

from __future__ import annotations

import json
import os
import socket

import pytest
from sqlalchemy.exc import OperationalError

from dite_search.storage.lease import Lease, driver_of
from dite_search.study.storage_errors import answering
from dite_search.study.study import DATABASE_AWAY, create_study, storage_of
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_search_that_runs_is_left_to_its_own_mirror(make_search):
    config = make_search()
    create_study(config)
    lease = Lease(config.name, storage_of(config))
    lease.take()
    driver = f"process {os.getpid()} on {socket.gethostname()}"
    assert driver_of(config.name, storage_of(config)) == driver
    assert refused("sync", config.study_directory) == (
        f"Error: study small must not be running to be synced, but {driver} drives it, and writes to MLflow by itself"
    )
    assert not (config.study_directory.parent / "mlflow.db").exists()
    lease.release()
    assert driver_of(config.name, storage_of(config)) is None
    assert json.loads(run("sync", config.study_directory, "--json").stdout)["runs_created"] == 1


@pytest.mark.slow
def test_no_driver_starts_while_a_study_is_synced(make_search, monkeypatch):
    config = make_search()
    create_study(config)
    seen = []
    monkeypatch.setattr(
        "dite_search.tracking.mirror.Mirror.reconcile",
        lambda mirror: seen.append(driver_of(config.name, storage_of(config))),
    )
    assert run("sync", config.study_directory).exit_code == 0
    assert seen == [f"process {os.getpid()} on {socket.gethostname()}"]
    assert driver_of(config.name, storage_of(config)) is None


def test_a_database_that_is_away_is_one_sentence(make_search, monkeypatch):
    config = make_search()
    create_study(config)
    full = OperationalError("INSERT", {}, Exception("database or disk is full"))
    words = r"\(builtins\.Exception\) database or disk is full"
    away = DATABASE_AWAY("An exception is raised during the commit.")
    away.__cause__ = full
    goes_on = rf"what it has is kept, and once it answers this goes on:  dite-search resume {config.study_directory}$"
    with (
        pytest.raises(InvalidInput, match=rf"^the database of study small must answer, but: {words}; {goes_on}"),
        answering(config),
    ):
        raise away

    def refuse(engine):
        raise full

    monkeypatch.setattr("dite_search.storage.lease._make_table", refuse)
    sentence = rf"^study small must have one driver, but its database cannot tell: {words}$"
    with pytest.raises(InvalidInput, match=sentence):
        Lease(config.name, storage_of(config)).take()
    with pytest.raises(InvalidInput, match=sentence):
        driver_of(config.name, storage_of(config))


def test_studies_are_listed_in_columns_and_as_data(make_search):
    config = make_search()
    create_study(config)
    folder = config.study_directory.parent
    head, row = run("list", "--directory", folder).output.splitlines()
    assert head.split() == ["study", "state", "trials", "best", "size"]
    assert row.split()[:7] == ["small", "not", "begun", "0", "of", "3", "–"]
    (plain,) = json.loads(run("list", "--directory", folder, "--json").stdout)
    assert (plain["name"], plain["state"], plain["asked"], plain["best"]) == ("small", "not begun", 3, None)
    assert plain["size"] > 0
    assert run("list", "--directory", folder / "none").output == f"There are no studies in {folder / 'none'}.\n"
